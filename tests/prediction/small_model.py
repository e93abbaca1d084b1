"""A tiny saved model: the class is the brightest channel, and the distance is that of the mean colour from grey."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from eurosat_transfer.io.hashing import sha256
from eurosat_transfer.prediction.saved_model import FORMAT, ONNX_FILE, Description, write_description

CLASSES = ["red", "green", "blue"]
SHARPNESS = 0.02  # of the probabilities: colours (255, 0, 0) and (0, 0, 0) give 0.99 and 0.33


def write_model(folder: Path, **changes) -> Path:
    """Write the model to a folder, with changes of its description, and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    constants = {
        "sharpness": np.float32(SHARPNESS),
        "grey": np.full(3, 128, np.float32),
        "axes": np.array([1, 2], np.int64),
        "last": np.array([1], np.int64),
    }
    nodes = [
        helper.make_node("Cast", ["images"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats", "axes"], ["means"], keepdims=0),
        helper.make_node("Mul", ["means", "sharpness"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
        helper.make_node("Sub", ["means", "grey"], ["differences"]),
        helper.make_node("ReduceL2", ["differences", "last"], ["distance"], keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "classifier",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["n", "height", "width", 3])],
        [
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", 3]),
            helper.make_tensor_value_info("distance", TensorProto.FLOAT, ["n"]),
        ],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), folder / ONNX_FILE)
    return describe(folder, **changes)


def describe(folder: Path, **changes) -> Path:
    """Write the description of the ONNX file in a folder, with changes, and return the folder."""
    description = {
        "format": FORMAT,
        "classifier": "svm",
        "classes": CLASSES,
        "tile_size": (16, 20),
        "bands": None,
        "scale": None,
        "histograms": [[1] * 256] * 3,
        "calibration_scores": np.linspace(0, 0.99, 99).tolist(),
        "calibrated_on": "val",
        "distance_threshold": 215.0,
        "confusion": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
        "made_from": {},
        "onnx_sha256": sha256(folder / ONNX_FILE),
    }
    write_description(folder, Description.model_validate(description | changes))
    return folder
