"""The images of the prepared data set, in its own order."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from stages.common.files import read_csv
from stages.common.stage import UserError
from stages.common.tensorflow import tf, tfds

SPLIT = "data/split.csv"
SUBSETS = ("train", "val", "test")


class Record(NamedTuple):
    """One image of the data set."""

    image: bytes  # encoded, JPEG or PNG
    label: int
    file: str


class Tiles(NamedTuple):
    """The images of one subset."""

    images: np.ndarray  # object, (n,): bytes, encoded
    labels: np.ndarray  # int64, (n,)


def class_labels(folder: Path) -> list[str]:
    """Names of the classes of a prepared data set, by label; errors as read_records."""
    builder = tfds.builder_from_directory(folder)
    return builder.info.features[_image_and_label(builder)[1]].names


def description(folder: Path) -> str:
    """What a prepared data set says of itself."""
    return " ".join(tfds.builder_from_directory(folder).info.description.split())


def read_records(folder: Path) -> Iterator[Record]:
    """Read a prepared TFDS image-classification data set, images still encoded.

    Args:
        folder: that dataset_info.json is in; the split `train`, or else the first one.

    Raises:
        UserError: it is not one of images and class labels, or is damaged.
    """
    builder = tfds.builder_from_directory(folder)
    image, label = _image_and_label(builder)
    split = "train" if "train" in builder.info.splits else next(iter(builder.info.splits))
    records = builder.as_dataset(
        split=split,
        decoders={image: tfds.decode.SkipDecoding()},
        read_config=tfds.ReadConfig(interleave_cycle_length=1, add_tfds_id=True),  # 1: in the order written
    )
    try:
        for record in records.as_numpy_iterator():
            yield Record(record[image], int(record[label]), record.get("filename", record["tfds_id"]).decode())
    except tf.errors.OpError as error:
        raise UserError(f"{folder} cannot be read: {error.message}") from None


def _image_and_label(builder: tfds.core.DatasetBuilder) -> tuple[str, str]:
    features, keys = builder.info.features, builder.info.supervised_keys or ()
    kinds = [type(features[key]) for key in keys if isinstance(key, str)]
    if kinds != [tfds.features.Image, tfds.features.ClassLabel]:
        raise UserError(f"{builder.name} is not a data set of images and class labels, but of {', '.join(features)}")
    return keys


def load_tiles() -> dict[str, Tiles]:
    """Load train, val and test as data/split.csv chose them, in its order, in one pass over the data set.

    Raises:
        UserError: data/split.csv does not fit the data set.
    """
    rows = _chosen()
    wanted = {row.index for row in rows}
    images = {i: record.image for i, record in enumerate(read_records(Path("data/dataset"))) if i in wanted}
    if wanted - set(images):
        raise UserError(f"{SPLIT} has the image {min(wanted - set(images))}, which data/dataset has not")
    tiles = {}
    for subset in SUBSETS:
        own = [row for row in rows if row.subset == subset]
        if not own:
            raise UserError(f"{SPLIT} has no image for {subset}")
        encoded = np.empty(len(own), object)
        encoded[:] = [images[row.index] for row in own]
        tiles[subset] = Tiles(encoded, np.array([row.label for row in own]))
    return tiles


def class_names() -> list[str]:
    """Names of the classes, by label, from data/split.csv."""
    return list(dict(sorted((row.label, row.class_name) for row in _chosen())).values())


class _Chosen(NamedTuple):
    index: int
    label: int
    class_name: str
    subset: str


def _chosen() -> list[_Chosen]:
    try:
        rows = read_csv(SPLIT)
        chosen = [_Chosen(int(row["index"]), int(row["label"]), row["class"], row["subset"]) for row in rows]
    except (KeyError, ValueError) as error:
        raise UserError(f"{SPLIT} is not what the split stage writes: {error}") from None
    labels = {row.label for row in chosen}
    if labels != set(range(len(labels))):
        raise UserError(f"{SPLIT} has the labels {sorted(labels)}; needed: 0, 1, 2 and so on")
    return chosen


def decode(encoded: tf.Tensor, size: int) -> tf.Tensor:
    """Decode an image and stretch it to a square.

    Returns:
        float32, (size, size, 3), RGB, 0 to 255.
    """
    image = tf.io.decode_image(encoded, channels=3, expand_animations=False)
    image = tf.image.resize(image, (size, size), antialias=True)  # only matters where it shrinks
    return tf.ensure_shape(image, (size, size, 3))
