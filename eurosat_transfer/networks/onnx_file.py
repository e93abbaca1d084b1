"""Conversion of TensorFlow functions to ONNX, to the same bytes in every process."""

from collections.abc import Callable, Mapping

import onnx
import tf2onnx

from eurosat_transfer.tensorflow_setup import tf

OPSET = 18  # version of the ONNX operators; runtimes of 2023 and later have it


def convert_to_onnx(function: Callable[..., Mapping[str, tf.Tensor]], *inputs: tf.TensorSpec) -> onnx.ModelProto:
    """Convert a function of tensors.

    Args:
        function: one tensor or more -> tensors by name.
        inputs: name, shape and type of each tensor.

    Returns:
        A model whose input and outputs have these names. The same function gives the same bytes in every process.
    """
    traced = tf.function(function, input_signature=inputs)
    model, _ = tf2onnx.convert.from_function(traced, input_signature=inputs, opset=OPSET)
    _rename(model.graph)
    model.producer_version = ""
    onnx.checker.check_model(model)
    return model


def _rename(graph: onnx.GraphProto) -> None:
    """Number all inner names and unnamed dimensions, because tf2onnx gives them other names in each process.

    Nodes come after those that they need, in the order in which the outputs need them: the order of tf2onnx differs
    between processes too. Initializers come in the order of their first use.
    """
    nodes = _order(graph)
    del graph.node[:]
    graph.node.extend(nodes)
    fixed = {value.name for value in (*graph.input, *graph.output)}
    names: dict[str, str] = {"": ""}  # an optional input that is left out has no name

    def rename(name: str) -> str:
        return name if name in fixed else names.setdefault(name, f"value_{len(names)}")

    constants = {constant.name: constant for constant in graph.initializer}
    ordered = []
    for number, node in enumerate(graph.node):
        node.name = f"{node.op_type}_{number}"
        ordered += [constants.pop(name) for name in node.input if name in constants]
        node.input[:] = [rename(name) for name in node.input]
        node.output[:] = [rename(name) for name in node.output]
    for constant in ordered:
        constant.name = rename(constant.name)
    del graph.initializer[:], graph.value_info[:]
    graph.initializer.extend(ordered)
    graph.name, graph.doc_string = "classifier", ""  # tf2onnx writes how many functions TensorFlow has traced before
    for value in (*graph.input, *graph.output):
        for axis, dimension in enumerate(value.type.tensor_type.shape.dim):
            if not dimension.HasField("dim_value"):
                dimension.dim_param = ("n", "height", "width", "channels")[axis]


def _order(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """Sort copies of the nodes by a depth-first search from the outputs of the graph."""
    producers = {name: number for number, node in enumerate(graph.node) for name in node.output}
    ordered: dict[int, None] = {}
    waiting = [producers[value.name] for value in reversed(graph.output)]
    while waiting:
        number = waiting[-1]
        needed = [producers[name] for name in graph.node[number].input if name in producers]
        missing = [other for other in needed if other not in ordered]
        if missing:
            waiting.extend(reversed(missing))
        else:
            ordered[waiting.pop()] = None
    nodes = []
    for number in ordered:
        node = onnx.NodeProto()
        node.CopyFrom(graph.node[number])
        nodes.append(node)
    return nodes
