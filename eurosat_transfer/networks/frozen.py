"""The network that the backbone stage saved, for computing features: one of Keras, or one from an ONNX file."""

from collections.abc import Sequence
from pathlib import Path

from eurosat_transfer.data.band_names import RGB
from eurosat_transfer.networks.backbones import FOLDER, Preprocess
from eurosat_transfer.networks.onnx_network import OnnxNetwork, is_onnx_backbone, load_onnx_backbone
from eurosat_transfer.networks.wide_backbone import load_network_for
from eurosat_transfer.tensorflow_setup import keras, tf


def load_frozen(
    folder: Path = FOLDER, preprocess: bool = True, bands: Sequence[str] | None = None
) -> tuple[keras.Model | OnnxNetwork, Preprocess]:
    """Load the network that the backbone stage saved.

    Args:
        folder: where the network was saved.
        preprocess: False gives the network values from 0 to 255, without its preprocessing.
        bands: the names of the bands of its images. None: RGB images.

    Returns:
        The network, and the function to apply to its images before. An ONNX network has its preprocessing inside, so
        its function changes nothing.

    Raises:
        UserError: the network cannot be used with these bands.
    """
    if is_onnx_backbone(folder):
        return load_onnx_backbone(folder, preprocess, bands or RGB), tf.identity
    return load_network_for(bands, preprocess, folder)


def sizes(network: keras.Model | OnnxNetwork) -> tuple[int, int, int]:
    """Return the side of a network's images in pixels, the number of their channels, and that of outputs per image."""
    if isinstance(network, OnnxNetwork):
        return network.image_size, network.channels, network.width
    return network.input_shape[1], network.input_shape[3], network.output_shape[1]
