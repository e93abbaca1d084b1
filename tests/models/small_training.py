"""A small network, a few tiles and plain parameters, for tests of fine-tuning."""

import io

import numpy as np
from PIL import Image

from eurosat_transfer.data.selection import EncodedTiles
from eurosat_transfer.parameters.finetune import Finetune
from eurosat_transfer.tensorflow_setup import keras

SIZE = 16  # pixels per side


def finetune_parameters(**changes) -> Finetune:
    """Build parameters with everything switched off: plain SGD, and no dropout, augmentation, clipping or warm-up."""
    plain = {
        "start": "pretrained",
        "trainable": "all",
        "head_epochs": 0,
        "epochs": 1,
        "batch_size": 8,
        "precision": "float32",
        "optimizer": "sgd",
        "lr": 0.1,
        "momentum": 0.0,
        "weight_decay": 0.0,
        "schedule": "constant",
        "warmup_epochs": 0,
        "clipnorm": None,
        "augment": False,
        "dropout": 0.0,
        "batchnorm": "train",
        "batchnorm_momentum": None,
        "test_turns": False,
        "refit": False,
        "unlabelled": "none",
        "threshold": 0.9,
        "rounds": 2,
        "label_sizes": [],
        "threads": 2,
        "seed": 0,
    }
    return Finetune(**plain | changes)


def encoded_images(images: np.ndarray, labels: np.ndarray) -> EncodedTiles:
    """Encode images, uint8, (n, height, width, 3), as PNG."""
    encoded = np.empty(len(images), object)
    for number, image in enumerate(images):
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, "PNG")
        encoded[number] = buffer.getvalue()
    return EncodedTiles(encoded, labels)


def noisy_tiles(count: int, seed: int = 0) -> EncodedTiles:
    """Draw noise of two classes in turn: dark tiles and brighter ones."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    images = rng.integers(0, 150, (count, SIZE, SIZE, 3)) + 80 * labels[:, None, None, None]
    return encoded_images(images.astype(np.uint8), labels)


def small_network() -> keras.Model:
    """Build a network of five layers: input, convolution, batch normalisation, ReLU and pooling."""
    inputs = keras.Input((SIZE, SIZE, 3))
    x = keras.layers.Conv2D(4, 3, strides=2)(inputs)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.ReLU()(x)
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x))
