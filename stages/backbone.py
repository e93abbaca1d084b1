"""Bring the pretrained feature extractor in, so that its weights too are cached by hash.

Reads   nothing, or the file that backbone.weights names
Writes  data/backbone/          network.json, backbone.weights.h5, summary.txt
        metrics/backbone.json   parameters (their count), descriptor_size

tilenet is pretrained here, on drawn textures of 64 kinds; Keras Applications come with their ImageNet weights.
"""

import math
import os
import tempfile
import warnings
from pathlib import Path

import h5py
import numpy as np

from stages.common import backbones
from stages.common.fetch import fetch
from stages.common.files import need_room, whole, write_json
from stages.common.params import Backbone, load_params
from stages.common.stage import UserError, run_stage
from stages.common.tensorflow import keras, reproducible, tf
from stages.common.training import accuracy, checkpoints, fit, rate_schedule, shuffled_epochs, stream
from stages.drawn.textures import KINDS, draw_textures

FOLDER = Path("data/backbone")
BATCH, RATE, HELD_OUT = 64, 0.003, 0.05
WIDTH = 110  # of the summary, in characters
LARGEST = 2**30  # bytes of one array of weights: the largest in Keras Applications, of VGG's first layer, has 2**28.6


def resolve_size(params: Backbone) -> int:
    """Image size in pixels: the lab's 224 for Keras Applications, the tiles' own 64 for tilenet, unless one is set."""
    if params.image_size != "auto":
        return params.image_size
    return 64 if params.name == "tilenet" else 224


def pretrain(model: keras.Model, params: Backbone) -> None:
    """Train tilenet, in place, to tell drawn textures apart, watching textures held out."""
    images, kinds = draw_textures(params.pretrain.images, model.input_shape[1], params.seed)
    held_out = max(1, int(len(images) * HELD_OUT))
    prepare = backbones.preprocess_for("tilenet")
    order = shuffled_epochs(len(images) - held_out, BATCH, params.pretrain.epochs, params.seed)
    drawn = tf.constant(images), tf.constant(kinds)

    def load(_: tf.Tensor, number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return prepare(tf.cast(drawn[0][number], tf.float32)), drawn[1][number]

    classifier = keras.Sequential([model, keras.layers.Dense(len(KINDS), activation="softmax")])
    rate = rate_schedule(RATE, order.size // BATCH + 1, order.size // BATCH // 10, cosine=True)
    classifier.compile(keras.optimizers.AdamW(rate), "sparse_categorical_crossentropy", metrics=[accuracy()])
    print(f"pretraining tilenet on {order.shape[1]} drawn textures of {len(KINDS)} kinds")
    watched = stream(np.arange(len(images) - held_out, len(images))[None], BATCH, load)
    with checkpoints("backbone", params.model_dump()) as folder:
        fit(classifier, order, BATCH, load, watched, folder / "pretrain.npz")


def refuse_what_is_not_contained(file: h5py.File) -> None:
    """Refuse an HDF5 file that would have other files read, or that unpacks to what no layer has.

    Raises:
        ValueError: it has a soft or external link, or a data set that lies elsewhere or says that it is too large.
    """

    def fault_of_link(name: str, link: h5py.HardLink | h5py.SoftLink | h5py.ExternalLink) -> str | None:
        return (
            None if isinstance(link, h5py.HardLink) else f"{name!r} is a link; allowed: what the file itself contains"
        )

    def fault(name: str, item: h5py.Group | h5py.Dataset) -> str | None:
        if not isinstance(item, h5py.Dataset):
            return None
        if item.external or item.is_virtual:
            return f"{name!r} lies in another file; allowed: what the file itself contains"
        size = max(math.prod(item.shape or ()), math.prod(item.chunks or ())) * item.dtype.itemsize
        return f"{name!r} has {size} bytes; allowed: {LARGEST}" if size > LARGEST else None

    found = file.visititems_links(fault_of_link) or file.visititems(fault)  # each stops at the first
    if found:
        raise ValueError(found)


def load_own_weights(model: keras.Model, params: Backbone) -> None:
    """Load backbone.weights, a file or an address, into a model.

    Raises:
        UserError: no such file, no weights file, or the weights of another network.
    """
    path = fetch(params.weights, f"sha256:{params.sha256}" if params.sha256 else None, "backbone.weights")
    if not h5py.is_hdf5(path):
        raise UserError(
            f"backbone.weights: {params.weights} is no HDF5 file, or a truncated one; allowed: Keras weights"
        )
    before = [w.copy() for w in model.get_weights()]
    try:
        with h5py.File(path) as file:
            refuse_what_is_not_contained(file)
            suffix = ".h5" if "layer_names" in file.attrs or "model_weights" in file else ".weights.h5"
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            named = Path(folder) / f"given{suffix}"  # Keras tells its two layouts apart by the name
            named.symlink_to(path.resolve())
            warnings.filterwarnings("error", message="Skipping")  # Keras would leave what the file lacks at random
            model.load_weights(named)
    except (ValueError, OSError, LookupError, TypeError, AttributeError, RuntimeError, UserWarning) as error:
        reason = " ".join(str(error).split())[:300]
        raise UserError(f"backbone.weights: {params.weights} does not fit {params.name}: {reason}") from None
    if all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True)):
        raise UserError(f"backbone.weights: {params.weights} has nothing for {params.name}")


def main() -> None:
    params = load_params().backbone
    size = resolve_size(params)
    reproducible(params.seed)
    imagenet = params.weights == "auto" and params.name != "tilenet"
    model = backbones.build(params.name, size, params.options, "imagenet" if imagenet else None)
    if params.weights == "auto" and params.name == "tilenet":
        pretrain(model, params)
    elif params.weights not in ("auto", "none"):
        load_own_weights(model, params)
    with whole(FOLDER) as part:
        need_room(part.parent, 5 * model.count_params() + 2**20)  # 4 bytes each, and what HDF5 puts around them
        backbones.save(part, model, params.name, size, params.options)
        os.environ["COLUMNS"] = str(WIDTH)  # else it is cut at the width of the terminal that happens to be there
        with (part / "summary.txt").open("w", encoding="utf-8") as file:
            model.summary(print_fn=lambda line: print(line, file=file), line_length=WIDTH)
    figures = {"parameters": model.count_params(), "descriptor_size": model.output_shape[-1]}
    write_json("metrics/backbone.json", figures)
    print(f"{params.name} at {size} pixels: {figures}; layer by layer: {FOLDER / 'summary.txt'}")


if __name__ == "__main__":
    run_stage(main, __doc__)
