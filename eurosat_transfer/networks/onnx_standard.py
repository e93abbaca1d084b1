"""The form in which the pipeline runs ONNX networks: images in, features out."""

import math
from collections.abc import Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from eurosat_transfer.errors import UserError
from eurosat_transfer.networks.onnx_file import OPSET
from eurosat_transfer.networks.onnx_join import IR_VERSION, opset_of, raise_opset
from eurosat_transfer.networks.onnx_network import FEATURES, FLOATS, IMAGES, OnnxNetwork, Step, chain
from eurosat_transfer.openvino_setup import shared_core
from eurosat_transfer.parameters.backbone import Backbone

INNER = "network/"  # prefix of the names in the user's file, so that none of them is one of the project's
# What onnx and OpenVINO raise for a damaged file. A name that is not UTF-8 is bytes, hence the TypeError.
FAULTS = (
    ValueError,
    RuntimeError,
    TypeError,
    onnx.checker.ValidationError,
    onnx.version_converter.ConvertError,
)
TRIAL = 3  # images in a batch
TOLERANCE = 1e-3  # of the largest feature: by how much the rest of the batch may change the features of an image
MAX_VALUES = 2**28  # of one tensor that the network computes for one image; in float32 they have 1 GB


def standardise(model: onnx.ModelProto, params: Backbone) -> OnnxNetwork:
    """Give a network the form of OnnxNetwork. Its preprocessing is not a part of it yet.

    Args:
        model: a checked model with one input: images, (n, bands, height, width) or (n, height, width, bands). It is
            changed in place.
        params: image_size; onnx says how many bands there are, and which output has the features.

    Returns:
        The network. A feature map becomes its mean over all positions. Tokens become their mean, or the first of them.

    Raises:
        UserError: the input or the output has another form, the opset cannot be converted, OpenVINO cannot run the
            network, or the features of an image depend on the rest of its batch.
    """
    bands = len(params.onnx.bands)
    try:
        source = _only_input(model)
        channels_first, size = _layout(source, bands, params.image_size)
        _keep_one_output(model, params.onnx.output)
        model = _convert_opset(model)
        shape = _measure_output(model, (bands, size, size) if channels_first else (size, size, bands))
        axis = _feature_axis(shape, channels_first)
        steps: list[Step] = [("Transpose", [], {"perm": (0, 3, 1, 2)})] if channels_first else []
        before = [*steps, ("Cast", [], {"to": source.type.tensor_type.elem_type})]
        after = [*_pool(shape, params.onnx.pooling), ("Cast", [], {"to": TensorProto.FLOAT})]
        positions = [i for i in range(1, len(shape)) if i != axis]
        image = (size, size, bands)
        network = OnnxNetwork(_join(model, before, after, positions, image, shape[axis]), size, bands, shape[axis])
        _try(network, image)
    except FAULTS as error:
        reason = " ".join(str(error).split())[:300]
        raise UserError(f"backbone.weights: {params.weights} cannot be used as a backbone: {reason}") from None
    return network


def _only_input(model: onnx.ModelProto) -> onnx.ValueInfoProto:
    """Find the input of images. Old files list the weights among the inputs; they are removed there."""
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in weights]
    if len(inputs) != 1:
        names = ", ".join(value.name for value in inputs) or "none"
        raise ValueError(f"it has the inputs {names}; allowed: one, for images")
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    return model.graph.input[0]


def _layout(source: onnx.ValueInfoProto, bands: int, image_size: int | str) -> tuple[bool, int]:
    """Find whether the channels come first, and the side of the images. The size of the batch becomes variable."""
    kind = source.type.tensor_type
    if kind.elem_type not in FLOATS:
        raise ValueError(f"its input {source.name} is not of floating-point numbers; allowed: these alone")
    sides = [dim.dim_value if dim.HasField("dim_value") else None for dim in kind.shape.dim]
    shown = f"its input {source.name} has the shape ({', '.join('?' if n is None else str(n) for n in sides)})"
    if len(sides) != 4 or bands not in (sides[1], sides[3]):
        raise ValueError(
            f"{shown}; allowed: (n, {bands}, height, width) or (n, height, width, {bands}), with a channel for each of "
            "backbone.onnx.bands"
        )
    channels_first = sides[1] == bands
    fixed = {side for side in (sides[2:] if channels_first else sides[1:3]) if side is not None}
    if image_size == "auto" and not fixed:
        raise ValueError(f"{shown}, where ? is any size; set backbone.image_size to a number of pixels")
    if len(fixed | ({image_size} - {"auto"})) > 1:
        raise ValueError(f"{shown}, which does not fit backbone.image_size={image_size}; allowed: square images")
    size = int(fixed.pop() if fixed else image_size)
    image = (bands, size, size) if channels_first else (size, size, bands)
    source.CopyFrom(helper.make_tensor_value_info(source.name, kind.elem_type, ("n", *image)))
    return channels_first, size


def _keep_one_output(model: onnx.ModelProto, name: str | None) -> None:
    """Make one output the only one, of any shape: the file may give it the shape for another batch."""
    outputs = {value.name: value.type.tensor_type.elem_type for value in model.graph.output}
    if name is None and len(outputs) == 1:
        [name] = outputs
    if name is None or name not in outputs:
        raise ValueError(f"backbone.onnx.output={name or 'null'}; allowed: one of its outputs, {', '.join(outputs)}")
    del model.graph.output[:], model.graph.value_info[:]
    model.graph.output.append(helper.make_tensor_value_info(name, outputs[name], None))


def _convert_opset(model: onnx.ModelProto) -> onnx.ModelProto:
    """Convert operators that are older than those of the project, because one file has one version of all."""
    version = max(opset_of(model), OPSET)
    model = raise_opset(model, version)
    del model.opset_import[:], model.graph.value_info[:]
    model.opset_import.append(helper.make_opsetid("", version))
    return model


def _measure_output(model: onnx.ModelProto, image: tuple[int, int, int]) -> Sequence[int]:
    """Compute the shape of the output for TRIAL images."""
    network = shared_core().read_model(model.SerializeToString())
    network.reshape([1, *image])
    for operation in network.get_ops():
        for port in operation.outputs() if operation.get_type_name() != "Constant" else ():
            found = port.get_partial_shape()
            if found.is_static and math.prod(found.to_shape()) > MAX_VALUES:
                raise ValueError(f"it computes a tensor of shape {found}; allowed: at most {MAX_VALUES} values")
    try:
        network.reshape([TRIAL, *image])
    except RuntimeError as error:
        raise ValueError(
            f"it does not take {TRIAL} images at a time; export it with a dynamic batch axis (OpenVINO: {error})"
        ) from None
    found = network.output(0).get_partial_shape()
    if found.is_dynamic or not 2 <= len(found) <= 4 or found.to_shape()[0] != TRIAL:
        raise ValueError(
            f"its output has the shape {found} for {TRIAL} images; allowed: (n, features), (n, tokens, features) and "
            "feature maps, with a dynamic batch axis"
        )
    return tuple(found.to_shape())


def _feature_axis(shape: Sequence[int], channels_first: bool) -> int:
    """Find the axis of the features. Those of a feature map are beside a height and a width that are equal."""
    if len(shape) < 4:
        return len(shape) - 1
    is_first, is_last = shape[2] == shape[3], shape[1] == shape[2]
    return 1 if (channels_first if is_first == is_last else is_first) else 3


def _pool(shape: Sequence[int], pooling: str) -> list[Step]:
    if pooling == "first" and len(shape) == 3:
        return [("Gather", ["token"], {"axis": 1})]
    if pooling == "first":
        raise ValueError(f"backbone.onnx.pooling=first needs an output of tokens (found the shape {tuple(shape)})")
    return [] if len(shape) == 2 else [("ReduceMean", ["positions"], {"keepdims": 0})]


def _join(
    model: onnx.ModelProto,
    before: Sequence[Step],
    after: Sequence[Step],
    positions: Sequence[int],
    image: tuple[int, int, int],
    width: int,
) -> onnx.ModelProto:
    """Make one model of a network, and of the steps before and after it."""
    inner = onnx.compose.add_prefix(model, INNER)
    nodes = [
        *chain(IMAGES, inner.graph.input[0].name, before),
        *inner.graph.node,
        *chain(inner.graph.output[0].name, FEATURES, after),
    ]
    used = {name for node in nodes for name in node.input}
    constants = {"token": np.array(0, np.int64), "positions": np.array(positions, np.int64)}
    stored = [numpy_helper.from_array(array, name) for name, array in constants.items() if name in used]
    graph = helper.make_graph(
        nodes,
        "backbone",
        [helper.make_tensor_value_info(IMAGES, TensorProto.FLOAT, ("n", *image))],
        [helper.make_tensor_value_info(FEATURES, TensorProto.FLOAT, ("n", width))],
        [*inner.graph.initializer, *stored],
    )
    joined = helper.make_model(graph, opset_imports=inner.opset_import, ir_version=max(inner.ir_version, IR_VERSION))
    onnx.checker.check_model(joined)
    return joined


def _try(network: OnnxNetwork, image: tuple[int, int, int]) -> None:
    """Run the network on noise. The features of an image must be finite, and be the same in every batch."""
    images = np.random.default_rng(0).normal(0, 1, (TRIAL, *image)).astype(np.float32)
    model = shared_core().read_model(network.model.SerializeToString())
    of_sizes = []
    for size in (1, TRIAL):
        model.reshape([size, *image])
        compiled = shared_core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        batches = [images[start : start + size] for start in range(0, TRIAL, size)]
        of_sizes.append(np.concatenate([compiled([batch])[0].copy() for batch in batches]))
    alone, together = of_sizes
    if not np.isfinite(alone).all():
        raise ValueError("its features of noise are not finite")
    if np.abs(alone - together).max() > TOLERANCE * np.abs(alone).max():
        raise ValueError(
            "its features of an image depend on the rest of the batch; export it with a dynamic batch axis"
        )
