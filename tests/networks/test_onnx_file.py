"""Conversion of TensorFlow functions to ONNX."""

import os
import subprocess
import sys

import numpy as np
import onnxruntime
import tf2onnx
from conftest import REPOSITORY

from eurosat_transfer.networks.onnx_file import convert_to_onnx
from eurosat_transfer.tensorflow_setup import tf

INPUT = tf.TensorSpec((None, 2), tf.float32, name="numbers")
IN_A_PROCESS = """
import hashlib
from eurosat_transfer.networks.onnx_file import convert_to_onnx
from eurosat_transfer.tensorflow_setup import keras, tf
keras.utils.set_random_seed(0)
model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3), keras.layers.BatchNormalization(),
                          keras.layers.ReLU(6), keras.layers.Flatten(), keras.layers.Dense(2, "softmax")])
images = tf.TensorSpec((None, 8, 8, 3), tf.float32, name="images")
converted = convert_to_onnx(lambda x: {"probabilities": model(x), "sum": tf.reduce_sum(x, (1, 2, 3))}, images)
print(hashlib.sha256(converted.SerializeToString(deterministic=True)).hexdigest())
"""


def test_the_model_computes_what_the_function_computes():
    model = convert_to_onnx(lambda x: {"sum": tf.reduce_sum(x, 1), "double": 2 * x}, INPUT)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    numbers = np.array([[1, 2], [3, 5], [0, -1]], np.float32)
    total, double = session.run(["sum", "double"], {"numbers": numbers})
    assert total.tolist() == [3, 8, -1]
    assert double.tolist() == (2 * numbers).tolist()


def test_the_order_in_which_tf2onnx_writes_nodes_does_not_matter(monkeypatch):
    """It differs from process to process. Here the last of the nodes that could come next comes first."""

    def reordered(*arguments, **options):
        model, other = convert(*arguments, **options)
        waiting, known = (
            list(model.graph.node),
            {value.name for value in (*model.graph.input, *model.graph.initializer)},
        )
        nodes = []
        while waiting:
            ready = max(i for i, node in enumerate(waiting) if set(node.input) - {""} <= known)
            nodes.append(waiting.pop(ready))
            known |= set(nodes[-1].output)
        assert nodes != list(model.graph.node)
        model.graph.ClearField("node")
        model.graph.node.extend(nodes)
        return model, other

    def function(x):
        return {"sum": tf.reduce_sum(tf.exp(x), 1) + tf.reduce_sum(tf.abs(x), 1), "double": tf.sin(2 * x)}

    convert = tf2onnx.convert.from_function
    first = convert_to_onnx(function, INPUT)
    monkeypatch.setattr(tf2onnx.convert, "from_function", reordered)
    assert convert_to_onnx(function, INPUT).SerializeToString() == first.SerializeToString()


def test_two_processes_write_the_same_bytes():
    digests = {
        subprocess.run(
            [sys.executable, "-c", IN_A_PROCESS],
            cwd=REPOSITORY,
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()[-1]
        for seed in ("1", "2")
    }
    assert len(digests) == 1
