"""Conversion of TensorFlow functions to ONNX."""

import os
import subprocess
import sys

import numpy as np
import onnxruntime
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
