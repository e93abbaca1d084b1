"""Small networks of one architecture that are computed together.

A stack of M networks has arrays whose first axis counts the networks. One matrix multiplication then serves all of
them, which is three times as fast as one network after the other.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from eurosat_transfer.tensorflow_setup import keras, tf

NETWORKS = ("mlp", "convnet")
INITIALISERS = {"glorot": keras.initializers.GlorotUniform, "he": keras.initializers.HeUniform}
FILTERS = (8, 16)  # of the convnet's convolutions
KERNEL = 3  # side of their kernels
CLASSES = 10


def initial_weights(network: str, side: int, hidden: int, initialisation: str, seed: int) -> list[np.ndarray]:
    """Draw the weights of one network.

    Args:
        network: "mlp" has one hidden layer. "convnet" has two convolutions of 3x3 before it, each with max pooling.
        side: side of the images in pixels.
        hidden: number of units in the hidden layer.
        initialisation: "glorot" or "he", both uniform.
        seed: equal seeds give equal weights.

    Returns:
        The weights and the biases of each layer, float32, (1, inputs, outputs) and (1, 1, outputs). All biases are 0.

    Source:
        https://keras.io/api/layers/initializers/
    """
    shapes: list[tuple[int, ...]] = []
    channels = 1
    if network == "convnet":
        for filters in FILTERS:
            shapes.append((KERNEL, KERNEL, channels, filters))
            side, channels = side // 2, filters
    shapes += [(side * side * channels, hidden), (hidden, CLASSES)]
    rng = np.random.default_rng(seed)
    weights = []
    for shape in shapes:
        kernel = np.asarray(INITIALISERS[initialisation](seed=int(rng.integers(2**31)))(shape))
        weights += [kernel.reshape(1, -1, shape[-1]), np.zeros((1, 1, shape[-1]), np.float32)]
    return weights


def compute_logits(weights: Sequence[Any], activation: str, X: Any) -> Any:
    """Compute the outputs of a stack of networks before the softmax.

    Args:
        weights: of M networks, as `initial_weights` returns them, concatenated along the first axis.
        activation: of all layers but the last: "sigmoid" or "relu".
        X: the images for each network, float32, (M, n, side, side, 1).

    Returns:
        float32, (M, n, 10).
    """
    function = getattr(tf.nn, activation)
    *convolutions, hidden_kernel, hidden_bias, output_kernel, output_bias = weights
    for kernel, bias in zip(convolutions[::2], convolutions[1::2], strict=True):
        networks, images, side = X.shape[:3]
        convolved = _patches(X) @ kernel + bias
        X = _max_pool(function(tf.reshape(convolved, (networks, images, side, side, -1))))
    X = tf.reshape(X, (X.shape[0], X.shape[1], -1))
    return function(X @ hidden_kernel + hidden_bias) @ output_kernel + output_bias


def _patches(X: Any) -> Any:
    """Give each pixel the values of the 3x3 pixels around it, with zeros outside of the image.

    A convolution is a matrix multiplication of these patches. TensorFlow's own convolution cannot give each network of
    a stack a kernel of its own.

    Args:
        X: (M, n, side, side, channels).

    Returns:
        (M, n * side * side, 9 * channels).
    """
    networks, _, side, _, channels = X.shape
    padded = tf.pad(X, [[0, 0], [0, 0], [1, 1], [1, 1], [0, 0]])
    moved = [padded[:, :, i : i + side, j : j + side] for i in range(KERNEL) for j in range(KERNEL)]
    return tf.reshape(tf.concat(moved, axis=-1), (networks, -1, KERNEL * KERNEL * channels))


def _max_pool(X: Any) -> Any:
    """Take the maximum of each 2x2 pixels. An odd last row or column is left out.

    XLA has no deterministic gradient for TensorFlow's own max pooling.
    """
    networks, images, side, _, channels = X.shape
    half = side // 2
    X = X[:, :, : 2 * half, : 2 * half]
    return tf.reduce_max(tf.reshape(X, (networks, images, half, 2, half, 2, channels)), axis=(3, 5))
