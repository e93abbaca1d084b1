"""Networks for images of all bands, made from networks for RGB images.

The first convolution is inflated: a band named red, green or blue keeps the weights of its colour, and every other band
starts from the mean of the three. With n bands, all of these weights are multiplied by 3 / n. So an image whose bands
are all equal gives the features of the grey RGB image, and the layers that follow see values of the usual size.

Source:
    Carreira and Zisserman, 2017, Quo Vadis, Action Recognition?, for inflated weights that keep their sum.
"""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from eurosat_transfer.data.band_names import RGB, find_role
from eurosat_transfer.errors import UserError
from eurosat_transfer.io.json_files import read_json
from eurosat_transfer.networks.backbones import FOLDER, NETWORK_FILE, Preprocess, build_backbone, load_backbone
from eurosat_transfer.tensorflow_setup import keras, tf

BRIGHTEST = 255.0
KERNEL_AXES, INPUT_AXIS = 4, 2  # of a kernel: height, width, channels in, channels out


class _Channels(NamedTuple):
    """What a preprocess_input function does to the three channels of an image.

    Attributes:
        places: where red, green and blue are in the output.
        scale, offset: float64, (3,): of red, green and blue. The output is scale * value + offset.
    """

    places: np.ndarray
    scale: np.ndarray
    offset: np.ndarray


def load_network_for(
    bands: Sequence[str] | None, preprocess: bool, folder: Path = FOLDER, pretrained: bool = True
) -> tuple[keras.Model, Preprocess]:
    """Load the network that the backbone stage saved, for RGB images or for images of all bands.

    Args:
        bands: the names of the bands. None: RGB images.
        preprocess: whether the network's own preprocess_input function is to be applied.
        folder: where the network was saved.
        pretrained: False leaves the saved weights out, and keeps random ones that are drawn from Keras' seed.

    Returns:
        The network, and what to apply to its images: float32, (n, size, size, channels), 0 to 255.

    Raises:
        UserError: the network cannot be built for as many bands.
    """
    model, own_preprocess = load_backbone(folder, pretrained)
    prepare = own_preprocess if preprocess else tf.identity
    if bands is None:
        return model, prepare
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="This model usually expects")  # Keras knows 1 and 3 channels
        wide = build_backbone(**read_json(folder / NETWORK_FILE), channels=len(bands))
    return wide, inflate(model, prepare, wide, bands)


def inflate(model: keras.Model, prepare: Preprocess, wide: keras.Model, bands: Sequence[str]) -> Preprocess:
    """Copy the weights of a network for RGB images to the same network for more bands, in place.

    Args:
        model: the network for RGB images.
        prepare: what is applied to its images. It treats each channel by itself, and may change their order.
        wide: the network for len(bands) channels.
        bands: the names of the bands.

    Returns:
        What is to be applied to the images of the wide network. It keeps the order of the bands.

    Raises:
        UserError: the two networks differ in more than their first convolution.
    """
    if [type(layer) for layer in model.layers] != [type(layer) for layer in wide.layers]:
        raise UserError(
            f"backbone.name: {model.name} scales red, green and blue inside of the network, so it cannot be inflated "
            f"to {len(bands)} bands; choose another network, or set data.bands to three bands"
        )
    channels = _examine(prepare)
    first = next(number for number, weight in enumerate(model.weights) if len(weight.shape) == KERNEL_AXES)
    for number, (source, target) in enumerate(zip(model.weights, wide.weights, strict=True)):
        values = np.asarray(source)
        if number < first and values.shape == (len(RGB),):  # the mean or variance of each channel
            values = _of_bands(values[channels.places], bands)
        elif number == first:
            colours = np.moveaxis(values, INPUT_AXIS, 0)[channels.places]
            values = np.moveaxis(_of_bands(colours, bands), 0, INPUT_AXIS) * (len(RGB) / len(bands))
        target.assign(values)
    for layer in wide.layers:
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()  # it keeps a copy of its weights
    scale, offset = (_of_bands(values, bands).astype(np.float32) for values in (channels.scale, channels.offset))
    return lambda images: images * scale + offset


def _of_bands(colours: np.ndarray, bands: Sequence[str]) -> np.ndarray:
    """Give each band what belongs to its colour, or else the mean of the three: (3, ...) -> (bands, ...)."""
    inflated = np.repeat(colours.mean(axis=0, keepdims=True), len(bands), axis=0)
    for number, colour in enumerate(RGB):
        place = find_role(bands, colour)
        if place is not None:
            inflated[place] = colours[number]
    return inflated


def _examine(preprocess: Preprocess) -> _Channels:
    """Find out by examples what a preprocess_input function does. All of Keras' functions treat channels one by one."""
    black, *colours = (
        np.asarray(preprocess(tf.constant(value[None, None, None], tf.float32)), np.float64)[0, 0, 0]
        for value in np.vstack([np.zeros(len(RGB)), np.eye(len(RGB)) * BRIGHTEST])
    )
    changes = np.array(colours) - black
    places = np.abs(changes).argmax(axis=1)
    return _Channels(places, changes[np.arange(len(RGB)), places] / BRIGHTEST, black[places])
