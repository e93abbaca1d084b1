"""A network from an ONNX file, in one form: images in, features out."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from eurosat_transfer.data.band_names import RGB, ROLES, find_role, tidy_name
from eurosat_transfer.errors import UserError
from eurosat_transfer.io.atomic import require_free_space
from eurosat_transfer.io.json_files import read_json, write_json
from eurosat_transfer.parameters.backbone import ONNX, Onnx

MODEL_FILE, NETWORK_FILE, SUMMARY_FILE = "backbone.onnx", "network.json", "summary.txt"
IMAGES, FEATURES = "images", "features"  # names of the input and of the output
FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE)

Step = tuple[str, list[str], dict[str, Any]]  # an operator, its inputs besides the first, and its attributes


class OnnxNetwork(NamedTuple):
    """A network that OpenVINO runs.

    Attributes:
        model: images, float32, (n, image_size, image_size, channels) -> features, float32, (n, width). The names of
            the input and of the output are IMAGES and FEATURES.
        image_size: pixels per side of the images.
        channels: of the images.
        width: number of features per image.
    """

    model: onnx.ModelProto
    image_size: int
    channels: int
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


def load_onnx_backbone(folder: Path, preprocess: bool, bands: Sequence[str] = RGB) -> OnnxNetwork:
    """Load the ONNX network that the backbone stage saved, for images with values from 0 to 255.

    Args:
        folder: where the network was saved.
        preprocess: True makes the declared preprocessing a part of it. False gives it the values as they are.
        bands: names of the channels of the images, from which the network takes those that it needs.

    Raises:
        UserError: the images lack a band.
    """
    saved = read_json(folder / NETWORK_FILE)
    params = Onnx.model_validate(saved["preprocessing"])
    places = _find_bands(params.bands, bands)
    model = onnx.load_model(folder / MODEL_FILE)
    _add_preprocessing(model, places, len(bands), params if preprocess else None)
    model.graph.input[0].type.tensor_type.shape.dim[3].dim_value = len(bands)
    return OnnxNetwork(model, saved["image_size"], len(bands), saved["width"])


def _find_bands(wanted: Sequence[str], bands: Sequence[str]) -> list[int]:
    """Find bands by their names. What a band measures, such as red, is another name for it."""
    numbers = {role: find_role(bands, role) for role in ROLES}
    numbers |= {name.lower(): place for place, name in enumerate(bands)}
    places = [numbers.get(tidy_name(name).lower()) for name in wanted]
    missing = [name for name, place in zip(wanted, places, strict=True) if place is None]
    if missing:
        raise UserError(
            f"backbone.onnx.bands has {', '.join(missing)}; allowed: the bands of the images, {', '.join(bands)}"
        )
    return [place for place in places if place is not None]


def _add_preprocessing(model: onnx.ModelProto, places: Sequence[int], channels: int, params: Onnx | None) -> None:
    """Put the choice of bands in front of a network, and the scaling of their values if params has it.

    The choice is a product with a matrix of 0 and 1, which is exact in float32. OpenVINO 2026.4 moves the operator
    Gather into the weights of a convolution that follows, and gets permutations wrong that are not their own inverse.
    In bfloat16, the product rounds the values before they are scaled.
    """
    steps: list[Step] = [("MatMul", ["bands"], {})]
    constants = {"bands": np.eye(channels, dtype=np.float32)[:, places]}
    if params:
        std = np.array(params.std, np.float64)
        steps += [("Mul", ["factor"], {}), ("Add", ["shift"], {})]
        constants["factor"] = (1 / (params.divide_by * std)).astype(np.float32)
        constants["shift"] = (-np.array(params.mean, np.float64) / std).astype(np.float32)
    graph = model.graph
    for node in graph.node:
        node.input[:] = ["prepared" if name == IMAGES else name for name in node.input]
    for node in reversed(chain(IMAGES, "prepared", steps)):
        graph.node.insert(0, node)
    graph.initializer.extend(numpy_helper.from_array(values, name) for name, values in constants.items())
