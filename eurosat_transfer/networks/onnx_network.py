"""A network from an ONNX file, in one form: images in, features out."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from eurosat_transfer.io.atomic import require_free_space
from eurosat_transfer.io.json_files import read_json, write_json
from eurosat_transfer.parameters.backbone import ONNX, RGB, Onnx

MODEL_FILE, NETWORK_FILE, SUMMARY_FILE = "backbone.onnx", "network.json", "summary.txt"
IMAGES, FEATURES = "images", "features"  # names of the input and of the output
FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE)

Step = tuple[str, list[str], dict[str, Any]]  # an operator, its inputs besides the first, and its attributes


class OnnxNetwork(NamedTuple):
    """A network that OpenVINO runs.

    Attributes:
        model: images, float32, (n, image_size, image_size, 3) -> features, float32, (n, width). The names of the input
            and of the output are IMAGES and FEATURES.
        image_size: pixels per side of the images.
        width: number of features per image.
    """

    model: onnx.ModelProto
    image_size: int
    width: int

    def count_parameters(self) -> int:
        """Count the weights: all floating-point numbers that the file stores."""
        return sum(int(np.prod(tensor.dims)) for tensor in self.model.graph.initializer if tensor.data_type in FLOATS)


def chain(start: str, end: str, steps: Sequence[Step]) -> list[onnx.NodeProto]:
    """Make the nodes that apply one step after the other to a value.

    Args:
        start: name of the value.
        end: name of the result.
        steps: none or more.
    """
    steps = steps or [("Identity", [], {})]
    names = [start, *(f"step/{start}/{end}/{number}" for number in range(1, len(steps))), end]
    return [
        helper.make_node(operator, [names[number], *inputs], [names[number + 1]], **attributes)
        for number, (operator, inputs, attributes) in enumerate(steps)
    ]


def save_onnx_backbone(folder: Path, network: OnnxNetwork, preprocessing: Onnx) -> None:
    """Save a network, what its images need, and a summary of its operators.

    Args:
        folder: where to save it; created if it does not exist.
        network: without preprocessing.
        preprocessing: what the network expects of its images.

    Raises:
        OSError: the disk is full.
    """
    folder.mkdir(parents=True, exist_ok=True)
    content = network.model.SerializeToString(deterministic=True)
    require_free_space(folder, len(content))
    (folder / MODEL_FILE).write_bytes(content)
    sizes = {"image_size": network.image_size, "width": network.width}
    write_json(folder / NETWORK_FILE, {"name": ONNX, **sizes, "preprocessing": preprocessing.model_dump()})
    operators = Counter(node.op_type for node in network.model.graph.node)
    lines = [f"{operator:30} {count}\n" for operator, count in sorted(operators.items())]
    [opset] = network.model.opset_import
    (folder / SUMMARY_FILE).write_text(f"operators of opset {opset.version}, how many\n\n{''.join(lines)}")


def is_onnx_backbone(folder: Path) -> bool:
    """Tell whether the network that the backbone stage saved is an ONNX network."""
    return bool(read_json(folder / NETWORK_FILE)["name"] == ONNX)


def load_onnx_backbone(folder: Path, preprocess: bool) -> OnnxNetwork:
    """Load the ONNX network that the backbone stage saved.

    Args:
        folder: where the network was saved.
        preprocess: True makes the declared preprocessing a part of it, so that its images are RGB, 0 to 255. False
            leaves that out.
    """
    saved = read_json(folder / NETWORK_FILE)
    model = onnx.load_model(folder / MODEL_FILE)
    if preprocess:
        _add_preprocessing(model, Onnx.model_validate(saved["preprocessing"]))
    return OnnxNetwork(model, saved["image_size"], saved["width"])


def _add_preprocessing(model: onnx.ModelProto, params: Onnx) -> None:
    std = np.array(params.std, np.float64)
    constants = {
        "bands": np.array([RGB.index(band) for band in params.bands], np.int64),
        "factor": 1 / (params.divide_by * std),
        "shift": -np.array(params.mean, np.float64) / std,
    }
    graph = model.graph
    for node in graph.node:
        node.input[:] = ["prepared" if name == IMAGES else name for name in node.input]
    steps: list[Step] = [("Gather", ["bands"], {"axis": 3}), ("Mul", ["factor"], {}), ("Add", ["shift"], {})]
    for node in reversed(chain(IMAGES, "prepared", steps)):
        graph.node.insert(0, node)
    for name, values in constants.items():
        stored = values if values.dtype == np.int64 else values.astype(np.float32)
        graph.initializer.append(numpy_helper.from_array(stored, name))
