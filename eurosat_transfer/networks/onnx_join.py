"""Joins ONNX models end to end."""

from collections.abc import Mapping, Sequence

import onnx
from onnx import helper

IR_VERSION = 8  # of opset 18


def opset_of(model: onnx.ModelProto) -> int:
    """Return the version of the operators of a model."""
    return max((int(opset.version) for opset in model.opset_import if not opset.domain), default=1)


def raise_opset(model: onnx.ModelProto, version: int) -> onnx.ModelProto:
    """Convert a model to a version of the operators that is not older than its own.

    Raises:
        RuntimeError: an operator cannot be converted.
    """
    return model if opset_of(model) == version else onnx.version_converter.convert_version(model, version)


def join_models(
    parts: Mapping[str, onnx.ModelProto],
    wires: Mapping[str, str],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
) -> onnx.ModelProto:
    """Join models to one, whose operators have the newest version of theirs.

    Args:
        parts: models by name, each after those whose outputs it needs.
        wires: for each input of a part, "part/input", and for each output of the result: the value that it gets. That
            is an input of the result, or an output of a part, "part/output".
        inputs: of the result.
        outputs: of the result.

    Raises:
        RuntimeError: an operator cannot be converted to the newest version.
        onnx.checker.ValidationError: the result is not a valid model.
    """
    version = max(map(opset_of, parts.values()))
    nodes, constants = [], []
    for name, part in parts.items():
        graph = onnx.compose.add_prefix(raise_opset(part, version), f"{name}/").graph
        nodes += [helper.make_node("Identity", [wires[value.name]], [value.name]) for value in graph.input]
        nodes += graph.node
        constants += graph.initializer
    nodes += [helper.make_node("Identity", [wires[value.name]], [value.name]) for value in outputs]
    graph = helper.make_graph(nodes, "joined", inputs, outputs, constants)
    ir_version = max(IR_VERSION, *(part.ir_version for part in parts.values()))
    joined = helper.make_model(graph, opset_imports=[helper.make_opsetid("", version)], ir_version=ir_version)
    onnx.checker.check_model(joined)
    return joined
