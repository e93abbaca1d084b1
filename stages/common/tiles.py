"""The images of the prepared data set, in its own order."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from stages.common.files import read_csv
from stages.common.names import SUBSETS
from stages.common.stage import UserError
from stages.common.tensorflow import tf, untuned
from stages.common.tfds import tfds

SPLIT = "data/split.csv"


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
        for record in untuned(records).as_numpy_iterator():
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
    tiles = {subset: Tiles(np.empty(len(labels), object), labels) for subset, labels in chosen_labels().items()}
    for subset, place, image in read_chosen():
        tiles[subset].images[place] = image
    return tiles


def chosen_labels() -> dict[str, np.ndarray]:
    """Labels of train, val and test, int64, (n,), from data/split.csv, in its order.

    Raises:
        UserError: it has none of a subset, or is not what the split stage writes.
    """
    rows = _chosen()
    labels = {subset: np.array([row.label for row in rows if row.subset == subset]) for subset in SUBSETS}
    for subset in SUBSETS:
        if len(labels[subset]) == 0:
            raise UserError(f"{SPLIT} has no image for {subset}")
    return labels


def read_chosen() -> Iterator[tuple[str, int, bytes]]:
    """Read the chosen images one by one, in the data set's order: subset, place in it, image.

    Raises:
        UserError: data/split.csv does not fit the data set.
    """
    counts, places = Counter(), {}
    for row in _chosen():
        if row.index in places:
            raise UserError(f"{SPLIT} has the image {row.index} twice")
        places[row.index] = row.subset, counts[row.subset]
        counts[row.subset] += 1
    for index, record in enumerate(read_records(Path("data/dataset"))):
        if index in places:
            yield *places.pop(index), record.image
    if places:
        raise UserError(f"{SPLIT} has the image {min(places)}, which data/dataset has not")


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
    shrinks = tf.reduce_max(tf.shape(image)[:2]) > size  # else there is nothing to smooth, and that takes half the time
    image = tf.cond(
        shrinks,
        lambda: tf.image.resize(image, (size, size), antialias=True),
        lambda: tf.image.resize(image, (size, size)),
    )
    return tf.ensure_shape(image, (size, size, 3))
