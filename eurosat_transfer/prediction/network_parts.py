"""The division of a saved classifier at the mean over its feature map."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx

from eurosat_transfer.data.colour_statistics import colour_statistics
from eurosat_transfer.openvino_setup import shared_core
from eurosat_transfer.prediction.resizing import resizing_matrix

# Operators whose output at a place depends only on a neighbourhood of that place, in the same way everywhere.
LOCAL = frozenset(
    (
        *("Add", "AveragePool", "BatchNormalization", "Cast", "Clip", "Concat", "Conv", "Div", "Elu", "HardSigmoid"),
        *("HardSwish", "Identity", "LeakyRelu", "MaxPool", "Mul", "PRelu", "Pad", "Relu", "Sigmoid", "Sub", "Tanh"),
        "Transpose",
    )
)
CHANNELS_LAST, CHANNELS_FIRST = [1, 2], [2, 3]  # axes of the mean over the places of a feature map
COLOURS = 6  # mean and deviation of three channels
TOLERANCE = 0.01  # of 255, and of a logarithm


class NotDivisibleError(Exception):
    """A classifier has another structure than a fully convolutional network, a mean, and a head."""


class NetworkParts(NamedTuple):
    """A divided classifier. All parts are ONNX files in memory.

    Attributes:
        feature_map: `images`, float32, (n, 3, height, width), resized -> `map`, float32.
        channels_last: whether the map is (n, height, width, channels), or (n, channels, height, width).
        head: `features`, float32, (n, channels), and `colours`, float32, (n, 6) -> `probabilities`, `feature_distance`
            and `colour_distance`, whose maximum is the distance of the classifier.
        size: height and width of the images of the network in pixels.
        step: pixels of a resized image for each place of the map, in both directions.
        channels: of the map.
    """

    feature_map: bytes
    channels_last: bool
    head: bytes
    size: int
    step: int
    channels: int

    def places_first(self, maps: np.ndarray) -> np.ndarray:
        """Return maps of images as (n, height, width, channels)."""
        return maps if self.channels_last else np.moveaxis(maps, 1, -1)


def divide_network(path: Path) -> NetworkParts:
    """Divide a saved classifier.

    Args:
        path: of an ONNX file that export_classifier wrote.

    Raises:
        NotDivisibleError: the network is not fully convolutional up to one mean, or the rest is not as expected.
    """
    graph = _Graph(onnx.load(path))
    mean, resized = _find_mean(graph)
    axes = graph.constants[mean.input[1]].tolist()
    of_features, of_colours, colours = _find_distances(graph, mean.output[0])
    size = _check_resize(graph, resized)
    _check_colours(graph, colours)
    feature_map = graph.extract({resized: "images"}, {mean.input[0]: "map"})
    cells, channels = _measure(feature_map, size, axes == CHANNELS_LAST)
    if size % cells or _measure(feature_map, 2 * size, axes == CHANNELS_LAST)[0] != 2 * cells:
        raise NotDivisibleError(f"{cells} places of the feature map do not divide {size} pixels")
    head = graph.extract(
        {mean.output[0]: "features", colours: "colours"},
        {"probabilities": "probabilities", of_features: "feature_distance", of_colours: "colour_distance"},
    )
    return NetworkParts(feature_map, axes == CHANNELS_LAST, head, size, size // cells, channels)


class _Graph:
    """The nodes of an ONNX file by what they make.

    Attributes:
        nodes: in the order of the file.
        makers: nodes by the names of their outputs.
        constants: arrays by name.
    """

    def __init__(self, model: onnx.ModelProto):
        self._model = model
        self.nodes = list(model.graph.node)
        self.makers = {name: node for node in self.nodes for name in node.output}
        self.constants = {constant.name: onnx.numpy_helper.to_array(constant) for constant in model.graph.initializer}

    def needs(self, names: Iterable[str], given: Iterable[str] = ()) -> set[str]:
        """List the tensors that some tensors are computed from, and these themselves, but not what is given."""
        found, waiting, given = set(), list(names), set(given)
        while waiting:
            name = waiting.pop()
            if name and name not in found and name not in given:
                found.add(name)
                waiting.extend(self.makers[name].input if name in self.makers else ())
        return found

    def extract(self, inputs: dict[str, str], outputs: dict[str, str]) -> bytes:
        """Cut out the part between some tensors, all of them float32 or the images, and rename them."""
        if any(name not in inputs for name in self.needs(outputs, inputs) & {"images"}):
            raise NotDivisibleError("the head reads the images in another way than by their colour statistics")
        needed = self.needs(outputs, inputs)
        nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in self.nodes if needed & {*node.output}]
        names = inputs | outputs
        for node in nodes:
            node.input[:] = [names.get(name, name) for name in node.input]
            node.output[:] = [names.get(name, name) for name in node.output]
        kinds = onnx.TensorProto
        shapes: dict[str, list[str | int | None]] = {"features": ["n", None], "colours": ["n", COLOURS]}
        graph = onnx.helper.make_graph(
            nodes,
            "part",
            [
                onnx.helper.make_tensor_value_info(
                    new, kinds.UINT8 if old == "images" else kinds.FLOAT, shapes.get(new, [None] * 4)
                )
                for old, new in inputs.items()
            ],
            [onnx.helper.make_tensor_value_info(new, kinds.FLOAT, None) for new in outputs.values()],
            [constant for constant in self._model.graph.initializer if constant.name in needed],
        )
        model = onnx.helper.make_model(graph, opset_imports=self._model.opset_import, ir_version=self._model.ir_version)
        content: bytes = model.SerializeToString()
        return content


def _find_mean(graph: _Graph) -> tuple[onnx.NodeProto, str]:
    """Find the mean over the feature map, and the resized images that the network begins with."""
    found, reasons = [], []
    for node in graph.nodes:
        if node.op_type != "ReduceMean" or "Conv" not in _operators(graph, graph.needs([node.input[0]])):
            continue
        axes = graph.constants.get(node.input[1]) if len(node.input) > 1 else None
        if axes is None or axes.tolist() not in (CHANNELS_LAST, CHANNELS_FIRST) or _attribute(node, "keepdims", 1):
            continue
        starts = set(_walk_local(graph, node.input[0]))
        if _operators(graph, starts) == {"MatMul"} and len(starts) == 1:  # resize_by_matrices ends with it
            found.append((node, starts.pop()))
        else:
            reasons.append("the network is not fully convolutional")
    if len(found) != 1 or reasons:
        raise NotDivisibleError(reasons[0] if reasons else f"it has {len(found)} means over feature maps, and not one")
    return found[0]


def _walk_local(graph: _Graph, name: str) -> Iterator[str]:
    """Walk back over local operators, and yield the tensors that others made."""
    seen, waiting = set(), [name]
    while waiting:
        name = waiting.pop()
        if not name or name in seen or name in graph.constants:
            continue
        seen.add(name)
        node = graph.makers.get(name)
        if node is not None and node.op_type in LOCAL and _is_same_everywhere(graph, node):
            waiting.extend(node.input)
        else:
            yield name


def _is_same_everywhere(graph: _Graph, node: onnx.NodeProto) -> bool:
    """Tell whether the constants of a node with two inputs have no other axis than that of the channels."""
    if node.op_type not in ("Add", "Sub", "Mul", "Div", "PRelu"):
        return True
    shapes = [graph.constants[name].shape for name in node.input if name in graph.constants]
    return all(sum(length > 1 for length in shape) <= 1 for shape in shapes)


def _find_distances(graph: _Graph, features: str) -> tuple[str, str, str]:
    """Find the distances by the features and by the colours, and the colour statistics."""
    node = graph.makers["distance"]
    by_features = [name for name in node.input if features in graph.needs([name])]
    by_colours = [name for name in node.input if features not in graph.needs([name])]
    if node.op_type != "Max" or len(by_features) != 1 or len(by_colours) != 1:
        raise NotDivisibleError("the distance is not the larger one of those by features and by colours")
    needed = graph.needs(by_colours)
    joined = [node.output[0] for node in graph.nodes if node.op_type == "Concat" and node.output[0] in needed]
    if len(joined) != 1:
        raise NotDivisibleError("the colour statistics are not found")
    return by_features[0], by_colours[0], joined[0]


def _check_resize(graph: _Graph, resized: str) -> int:
    """Check that a tensor is the images, resized as expected, and return their size."""
    images = np.random.default_rng(0).integers(0, 256, (1, 60, 64, 3), np.uint8)
    found = _run(graph.extract({"images": "images"}, {resized: "resized"}), images)
    if found.ndim != 4 or found.shape[:2] != (1, 3) or found.shape[2] != found.shape[3]:
        raise NotDivisibleError("the images are not resized to a square")
    size = int(found.shape[2])
    rows, columns = (resizing_matrix(length, size / length, 0, size).toarray() for length in images.shape[1:3])
    expected = rows @ np.moveaxis(images[0], -1, 0).astype(np.float32) @ columns.T
    if not np.allclose(found[0], expected, rtol=0, atol=TOLERANCE):
        raise NotDivisibleError("the images are resized in another way")
    return size


def _check_colours(graph: _Graph, colours: str) -> None:
    image = np.random.default_rng(0).integers(0, 256, (60, 64, 3), np.uint8)
    found = _run(graph.extract({"images": "images"}, {colours: "colours"}), image[None])
    if found.shape != (1, COLOURS) or not np.allclose(found[0], colour_statistics(image), rtol=0, atol=TOLERANCE):
        raise NotDivisibleError("the distance is not by the expected colour statistics")


def _measure(feature_map: bytes, size: int, channels_last: bool) -> tuple[int, int]:
    """Measure the places per side of the map of an image, and its channels."""
    model = shared_core().read_model(feature_map)
    model.reshape([1, 3, size, size])
    shape: list[int] = list(model.output(0).shape)
    (height, width), channels = (shape[1:3], shape[3]) if channels_last else (shape[2:], shape[1])
    if height != width:
        raise NotDivisibleError("the feature map of a square is no square")
    return height, channels


def _run(part: bytes, images: np.ndarray) -> np.ndarray:
    model = shared_core().read_model(part)
    model.reshape(list(images.shape))
    outputs: np.ndarray = shared_core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})([images])[0]
    return outputs


def _operators(graph: _Graph, names: set[str]) -> set[str]:
    return {graph.makers[name].op_type for name in names if name in graph.makers}


def _attribute(node: onnx.NodeProto, name: str, default: int) -> int:
    return next((attribute.i for attribute in node.attribute if attribute.name == name), default)
