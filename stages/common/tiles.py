"""The images of the prepared data set, in its own order, still encoded; without TensorFlow, which takes a second."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from stages.common.files import read_csv
from stages.common.names import SUBSETS
from stages.common.stage import UserError
from stages.common.tfds import tfds

DATASET, SPLIT = Path("data/dataset"), "data/split.csv"


class Record(NamedTuple):
    """One image of the data set."""

    image: bytes  # encoded, JPEG or PNG
    label: int
    file: str


class Tiles(NamedTuple):
    """The images of one subset."""

    images: np.ndarray  # object, (n,): bytes, encoded
    labels: np.ndarray  # int64, (n,)


class Records(Sequence[Record]):
    """A prepared TFDS image-classification data set: of its split `train`, or else the first one, any image by itself.

    Attributes:
        classes: names, by label.
        description: what the data set says of itself.
    """

    def __init__(self, folder: Path = DATASET):
        """Open a data set.

        Args:
            folder: that dataset_info.json is in; the examples are in ArrayRecord files.

        Raises:
            UserError: it is not one of images and class labels.
        """
        builder = tfds.builder_from_directory(folder)
        features, keys = builder.info.features, builder.info.supervised_keys or ()
        kinds = [type(features[key]) for key in keys if isinstance(key, str)]
        if kinds != [tfds.features.Image, tfds.features.ClassLabel]:
            raise UserError(
                f"{builder.name} is not a data set of images and class labels, but of {', '.join(features)}"
            )
        self.classes, self.description = features[keys[1]].names, " ".join(builder.info.description.split())
        self._folder, self._keys = folder, keys
        self._split = "train" if "train" in builder.info.splits else next(iter(builder.info.splits))
        self._examples = builder.as_data_source(self._split, decoders={keys[0]: tfds.decode.SkipDecoding()})

    def __len__(self) -> int:
        return len(self._examples)

    def __getitem__(self, index: int) -> Record:
        """Read one image, 0 being the first.

        Raises:
            IndexError: there is none.
            UserError: the file is damaged: there are checksums in it.
        """
        if not 0 <= index < len(self):
            raise IndexError(index)
        try:
            example = self._examples[index]
        except RuntimeError as error:
            raise UserError(f"{self._folder} cannot be read: {error}") from None
        image, label = (example[key] for key in self._keys)
        if image is None or label is None:  # so much of the file is missing that it looks like an empty one
            raise UserError(f"{self._folder} cannot be read: the image {index} is missing")
        return Record(image, int(label), example.get("filename", f"{self._split}[{index}]".encode()).decode())


def load_tiles() -> dict[str, Tiles]:
    """Load train, val and test as data/split.csv chose them, in its order.

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
    records = Records()
    if absent := places.keys() - range(len(records)):
        raise UserError(f"{SPLIT} has the image {min(absent)}, which {DATASET} has not")
    for index in sorted(places):
        yield *places[index], records[index].image


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
