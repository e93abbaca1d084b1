"""The feature extractors by name: built, saved to data/backbone/, loaded from it."""

from collections.abc import Callable
from pathlib import Path

from stages.common.files import read_json, write_json
from stages.common.stage import UserError
from stages.common.tensorflow import keras
from stages.common.tilenet import tilenet

Preprocess = Callable  # images, float32, RGB, 0 to 255 -> what the network was trained on

NETWORK, WEIGHTS = "network.json", "backbone.weights.h5"


def keras_applications() -> dict[str, tuple[Callable, Preprocess]]:
    """Find every network of Keras Applications: name in lower case -> (constructor, its own preprocess_input)."""
    found = {}
    for module in vars(keras.applications).values():
        if hasattr(module, "preprocess_input") and hasattr(module, "decode_predictions"):
            networks = (f for name, f in vars(module).items() if name[0].isupper() and callable(f))
            found |= {f.__name__.lower(): (f, module.preprocess_input) for f in networks}
    return found


def build(name: str, image_size: int, options: dict, weights: str | None = None) -> keras.Model:
    """Build a network up to the layer before its classifier.

    Args:
        name: tilenet, or one of Keras Applications.
        image_size: pixels a side.
        options: for the constructor, such as {"alpha": 0.35}.
        weights: None (random) or "imagenet".

    Returns:
        (n, image_size, image_size, 3) -> (n, descriptor size), the mean over the last feature map's positions.

    Raises:
        UserError: no such network, options or image size; or the ImageNet weights cannot be had.
    """
    if name == "tilenet":
        if options:
            raise UserError(f"backbone.options: tilenet takes none (was {options})")
        constructor, settings = tilenet, {}
    else:
        constructor, _ = _find(name)
        settings = {"include_top": False, "weights": weights, "pooling": "avg"} | options
        settings["input_shape"] = (image_size, image_size, 3)
    try:
        return constructor(**settings) if name != "tilenet" else tilenet(image_size)
    except (TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        what = f"backbone.image_size={image_size} backbone.options={options}"
        raise UserError(f"backbone.name={name} cannot be built with {what}: {reason}") from None
    except Exception as error:  # Keras raises a bare Exception when its download fails
        if weights is None or "URL" not in str(error):
            raise
        reason = " ".join(str(error).split())
        hint = "give a file of yours with backbone.weights=<path or address>"
        raise UserError(
            f"backbone.weights=auto: Keras could not fetch the ImageNet weights ({reason}); {hint}"
        ) from None


def preprocess_for(name: str) -> Preprocess:
    """Find what a network wants done to its images."""
    # tilenet takes -1 to 1, as MobileNetV2 does.
    return keras.applications.mobilenet_v2.preprocess_input if name == "tilenet" else _find(name)[1]


def _find(name: str) -> tuple[Callable, Preprocess]:
    known = keras_applications()
    if name not in known:
        raise UserError(f"backbone.name: no network {name!r}; allowed: tilenet, {', '.join(sorted(known))}")
    return known[name]


def save(folder: Path, model: keras.Model, name: str, image_size: int, options: dict) -> None:
    """Save a network as what it takes to build it again, and its weights: nothing in it is code."""
    folder.mkdir(parents=True, exist_ok=True)
    model.save_weights(folder / WEIGHTS)
    write_json(folder / NETWORK, {"name": name, "image_size": image_size, "options": options})


def load(folder: Path = Path("data/backbone"), trained: bool = True) -> tuple[keras.Model, Preprocess]:
    """Load the network that the backbone stage saved.

    Args:
        trained: False leaves its weights random, from Keras' seed.

    Returns:
        The model, images -> descriptors, and what to do to its images first.
    """
    network = read_json(folder / NETWORK)
    model = build(**network)
    if trained:
        model.load_weights(folder / WEIGHTS)
    return model, preprocess_for(network["name"])
