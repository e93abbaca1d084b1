"""ONNX files and parameters for tests of networks from a file."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from conftest import REPOSITORY
from onnx import TensorProto, helper
from PIL import Image

from eurosat_transfer.features.inference import Network
from eurosat_transfer.networks.frozen import load_frozen
from eurosat_transfer.networks.onnx_network import OnnxNetwork, save_onnx_backbone
from eurosat_transfer.networks.onnx_source import fetch_onnx_file
from eurosat_transfer.networks.onnx_standard import standardise
from eurosat_transfer.parameters.backbone import Backbone
from eurosat_transfer.parameters.loading import load_section

EXPORTED = Path(__file__).parent / "exported"  # tests/networks/pytorch_networks.py writes it


def settings(path: Path | str, image_size: int | str = "auto", **onnx_settings) -> Backbone:
    """Return the parameters for a file."""
    default = load_section(Backbone, REPOSITORY / "params.yaml").model_dump()
    changes = {"name": "onnx", "weights": str(path), "image_size": image_size, "sha256": None}
    return Backbone.model_validate(default | changes | {"onnx": default["onnx"] | onnx_settings})


def read(params: Backbone) -> OnnxNetwork:
    """Read a file as the stage backbone does."""
    return standardise(fetch_onnx_file(params), params)


def load(params: Backbone, folder: Path, preprocess: bool = True, bands: Sequence[str] | None = None) -> Network:
    """Save a network as the stage backbone does, and load it as the stage extract does."""
    save_onnx_backbone(folder, read(params), params.onnx)
    return Network(*load_frozen(folder, preprocess, bands))


def compute(params: Backbone, folder: Path, images: np.ndarray, preprocess: bool = True) -> np.ndarray:
    """Compute the features of images, uint8, (n, height, width, 3)."""
    return load(params, folder, preprocess).predict([as_png(image) for image in images], "images")


def as_png(image: np.ndarray) -> bytes:
    """Encode an image without loss."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


def write(
    path: Path,
    nodes: list,
    shape: tuple = ("n", 3, 8, 8),
    outputs: tuple[str, ...] = ("y",),
    constants: dict | None = None,
    dtype: int = TensorProto.FLOAT,
    opset: int = 18,
) -> Path:
    """Write a model from the input x to outputs of any shape."""
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("x", dtype, shape)],
        [helper.make_tensor_value_info(name, dtype, [None] * 4) for name in outputs],
        [onnx.numpy_helper.from_array(np.asarray(values), name) for name, values in (constants or {}).items()],
    )
    path.write_bytes(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8).SerializeToString()
    )
    return path


def mean_of_channels(path: Path, **options) -> Path:
    """Write a network whose features are the means of the channels."""
    return write(path, [helper.make_node("GlobalAveragePool", ["x"], ["y"])], **options)
