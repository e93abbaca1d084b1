"""A small convolutional network with a support vector machine, saved as the stage model does it."""

from pathlib import Path

import numpy as np
from prediction.small_model import describe

from eurosat_transfer.data.colour_statistics import colour_statistics
from eurosat_transfer.evaluation.familiarity import fit_familiarity
from eurosat_transfer.models.heads import build_classifier_head
from eurosat_transfer.models.onnx_export import export_classifier
from eurosat_transfer.models.saved_classifier import SavedClassifier
from eurosat_transfer.models.svm import fit_calibrated_svm
from eurosat_transfer.networks.tilenet import tilenet
from eurosat_transfer.prediction.saved_model import ONNX_FILE
from eurosat_transfer.tensorflow_setup import keras, tf

TILE, SIZE = 32, 48  # the network enlarges windows by 1.5


def land(height: int, width: int, seed: int = 0, side: int = 40) -> np.ndarray:
    """Draw an image of squares with so many pixels per side that are reddish, greenish or bluish, with noise."""
    rng = np.random.default_rng(seed)
    places = rng.integers(0, 3, (height // side + 1, width // side + 1))
    colours = np.array([(150, 90, 90), (90, 150, 90), (90, 90, 150)])[places]
    image = np.repeat(np.repeat(colours, side, axis=0), side, axis=1)[:height, :width]
    return np.clip(image + rng.normal(0, 20, image.shape), 1, 255).astype(np.uint8)


def strided(size: int) -> keras.Model:
    """Build three convolutions with stride 2 and the mean of their map."""
    x = inputs = keras.Input((size, size, 3))
    for width in (8, 16, 24):
        x = keras.layers.Conv2D(width, 3, 2, padding="same", activation="relu")(x)
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x))


def squeezed(size: int) -> keras.Model:
    """Build a network that multiplies a map by numbers that depend on all places (squeeze and excitation)."""
    x = inputs = keras.Input((size, size, 3))
    x = keras.layers.Conv2D(8, 3, 2, padding="same", activation="relu")(x)
    weights = keras.layers.Dense(8, "sigmoid")(keras.layers.GlobalAveragePooling2D(keepdims=True)(x))
    x = keras.layers.Conv2D(16, 3, 2, padding="same", activation="relu")(x * weights)
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x))


NETWORKS = {"strided": strided, "squeezed": squeezed, "tilenet": tilenet}


def write_network_model(folder: Path, name: str) -> Path:
    """Fit a classifier with random weights of the network, and write it with its description to a folder."""
    keras.utils.set_random_seed(1)
    network = NETWORKS[name](SIZE)
    image = land(1000, 1000, seed=5)
    places = np.random.default_rng(2).integers(0, 1000 - TILE, (240, 2))
    tiles = np.stack([image[y : y + TILE, x : x + TILE] for y, x in places])
    labels = tiles.mean(axis=(1, 2)).argmax(axis=1)

    def preprocess(images: tf.Tensor) -> tf.Tensor:
        return tf.cast(images, tf.float32) / 127.5 - 1

    X = network(preprocess(tf.image.resize(tiles, (SIZE, SIZE)))).numpy()
    head = build_classifier_head(fit_calibrated_svm(X, labels, "rbf", 10)[0], 3)
    classifier = SavedClassifier(network, preprocess, head, False, X, ("train",), None)
    familiarity = fit_familiarity(X, np.stack([colour_statistics(tile) for tile in tiles]))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ONNX_FILE).write_bytes(export_classifier(classifier, familiarity).SerializeToString(deterministic=True))
    return describe(folder, tile_size=(TILE, TILE), distance_threshold=2.0)
