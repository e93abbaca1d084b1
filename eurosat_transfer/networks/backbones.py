"""Feature extractors that are known by name."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from eurosat_transfer.errors import UserError
from eurosat_transfer.io.atomic import require_free_space
from eurosat_transfer.io.certificates import describe_failed_download
from eurosat_transfer.io.json_files import read_json, write_json
from eurosat_transfer.networks.tilenet import tilenet
from eurosat_transfer.parameters.backbone import ONNX
from eurosat_transfer.tensorflow_setup import keras, tf

# The preprocess_input function of a network: images, float32, RGB, 0 to 255 -> the values that the network expects.
Preprocess = Callable[[tf.Tensor], tf.Tensor]

FOLDER = Path("data/backbone")
NETWORK_FILE, WEIGHTS_FILE = "network.json", "backbone.weights.h5"
SUMMARY_FILE, SUMMARY_WIDTH = "summary.txt", 110  # characters
NEEDS_KERAS = "fine-tuning needs a Keras network, and backbone.name=onnx is none"
HDF5_OVERHEAD = 2**20  # bytes of a weights file besides its arrays


def keras_applications() -> dict[str, tuple[Callable, Preprocess]]:
    """Find every network of Keras Applications.

    Returns:
        The constructor and the preprocess_input function of each network, by the constructor's name in lower case.
    """
    found: dict[str, tuple[Callable, Preprocess]] = {}
    for module in vars(keras.applications).values():
        if hasattr(module, "preprocess_input") and hasattr(module, "decode_predictions"):
            networks = (f for name, f in vars(module).items() if name[0].isupper() and callable(f))
            found |= {f.__name__.lower(): (f, module.preprocess_input) for f in networks}
    return found


def default_image_size(name: str) -> int:
    """Return the side of the images in pixels that backbone.image_size=auto stands for.

    Args:
        name: tilenet, or a network of Keras Applications.

    Returns:
        64 for tilenet, the size of EuroSAT's tiles; 224 for the others, the usual size of ImageNet's images.
    """
    return 64 if name == "tilenet" else 224


def build_backbone(
    name: str, image_size: int, options: dict[str, Any], weights: str | None = None, channels: int = 3
) -> keras.Model:
    """Build a network without its classification layer.

    Args:
        name: tilenet, or a network of Keras Applications.
        image_size: side of the images in pixels.
        options: keyword arguments of the constructor, such as {"alpha": 0.35}.
        weights: None for random weights, or "imagenet" for the ImageNet weights, which Keras downloads.
        channels: of the images. The ImageNet weights are for 3.

    Returns:
        A model from images, float32, (n, image_size, image_size, channels), to features, float32, (n, d). The features
        are the last feature map, averaged over all positions.

    Raises:
        UserError: there is no such network, it does not accept the options or the image size, or its weights cannot be
            fetched.
    """
    if name == "tilenet" and options:
        raise UserError(f"backbone.options={options} is not allowed for tilenet; allowed: {{}}")
    settings = {"include_top": False, "weights": weights, "pooling": "avg"} | options
    settings["input_shape"] = (image_size, image_size, channels)
    try:
        return tilenet(image_size, channels) if name == "tilenet" else _find(name)[0](**settings)
    except (TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        found = f"backbone.image_size={image_size} backbone.options={options}"
        raise UserError(f"backbone.name={name} cannot be built with {found}: {reason}") from None
    except Exception as error:  # Keras raises a bare Exception when a download fails
        if weights is None or "URL" not in str(error):
            raise
        raise UserError(
            f"backbone.weights=auto: Keras could not fetch the ImageNet weights ({describe_failed_download(error)}); "
            "set backbone.weights=<path or address> to use a file of your own"
        ) from None


def find_preprocess(name: str) -> Preprocess:
    """Find the preprocess_input function of a network.

    Args:
        name: tilenet, or a network of Keras Applications.

    Raises:
        UserError: there is no such network.
    """
    # tilenet expects values from -1 to 1, like MobileNetV2.
    return keras.applications.mobilenet_v2.preprocess_input if name == "tilenet" else _find(name)[1]


def _find(name: str) -> tuple[Callable, Preprocess]:
    known = keras_applications()
    if name not in known:
        raise UserError(
            f"backbone.name: there is no network {name!r}; allowed: tilenet, onnx, {', '.join(sorted(known))}"
        )
    return known[name]


def weights_file_size(model: keras.Model) -> int:
    """Return the room in bytes that a file with the weights of a model needs: 4 bytes per weight, and HDF5's overhead.

    HDF5 crashes when Python ends if the disk became full during a save (https://github.com/h5py/h5py/issues/914), so
    the room is checked before.
    """
    return 5 * model.count_params() + HDF5_OVERHEAD


def save_backbone(folder: Path, model: keras.Model, name: str, image_size: int, options: dict[str, Any]) -> None:
    """Save a network as its weights, the arguments that build it, and a summary of its layers, without code.

    Args:
        folder: where to save it; created if it does not exist.
        model: the network.
        name: as in build_backbone.
        image_size: as in build_backbone.
        options: as in build_backbone.

    Raises:
        OSError: the disk is full.
    """
    folder.mkdir(parents=True, exist_ok=True)
    require_free_space(folder, weights_file_size(model))
    model.save_weights(folder / WEIGHTS_FILE)
    write_json(folder / NETWORK_FILE, {"name": name, "image_size": image_size, "options": options})
    os.environ["COLUMNS"] = str(SUMMARY_WIDTH)  # otherwise Keras wraps the summary at the width of the terminal
    with (folder / SUMMARY_FILE).open("w", encoding="utf-8") as file:
        model.summary(print_fn=lambda line: print(line, file=file), line_length=SUMMARY_WIDTH)


def load_backbone(folder: Path = FOLDER, pretrained: bool = True) -> tuple[keras.Model, Preprocess]:
    """Load the network that the backbone stage saved.

    Args:
        folder: where the network was saved.
        pretrained: False leaves the saved weights out, and keeps random ones that are drawn from Keras' seed.

    Returns:
        The network, and the preprocess_input function to apply to its images.

    Raises:
        UserError: it is a network from an ONNX file, see eurosat_transfer.networks.frozen.
    """
    network = read_json(folder / NETWORK_FILE)
    if network["name"] == ONNX:
        raise UserError(NEEDS_KERAS)
    model = build_backbone(**network)
    if pretrained:
        model.load_weights(folder / WEIGHTS_FILE)
    return model, find_preprocess(network["name"])
