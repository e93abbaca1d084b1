"""The images of the prepared data set, in its own order, still encoded; without TensorFlow, which takes a second."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from google.protobuf.json_format import ParseError

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


class Records:
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
            UserError: it is missing, of another format, or not one of images and class labels.
        """
        try:
            builder = tfds.builder_from_directory(folder)
        except (OSError, ValueError, ParseError) as error:
            reason = " ".join(str(error).split())[:200]
            raise UserError(f"{folder} is not what the download stage writes: {reason}; `dvc repro` makes it") from None
        info, features = builder.info, builder.info.features
        if info.file_format != tfds.core.FileFormat.ARRAY_RECORD:
            raise UserError(f"{folder} has no ArrayRecord files, as an earlier version wrote it; `dvc repro` makes it")
        kinds = [type(features[key]) for key in info.supervised_keys or () if isinstance(key, str)]
        if kinds != [tfds.features.Image, tfds.features.ClassLabel]:
            has = ", ".join(features)
            raise UserError(f"{builder.name} is not a data set of images and class labels, but of {has}")
        self._folder, self._keys = folder, info.supervised_keys
        self.classes, self.description = features[self._keys[1]].names, " ".join(info.description.split())
        self._named = "filename" in features and isinstance(features["filename"], tfds.features.Text)
        self._split = "train" if "train" in info.splits else next(iter(info.splits))
        images = [key for key, feature in features.items() if isinstance(feature, tfds.features.Image)]
        encoded = dict.fromkeys(images, tfds.decode.SkipDecoding())
        self._examples = builder.as_data_source(self._split, decoders=encoded)

    def __len__(self) -> int:
        return len(self._examples)

    def __iter__(self) -> Iterator[Record]:
        return map(self.__getitem__, range(len(self)))

    def __getitem__(self, index: int) -> Record:
        """Read one image, by its place in the data set, from 0.

        Raises:
            UserError: the file is damaged: there are checksums in it.
        """
        try:
            example = self._examples[index]
        except (RuntimeError, ValueError) as error:  # damaged; fewer examples than its description says
            raise UserError(f"{self._folder} cannot be read: {error}") from None
        image, label = (example[key] for key in self._keys)
        if image is None or label is None:  # so much of the file is missing that it looks like an empty one
            raise UserError(f"{self._folder} cannot be read: the image {index} is missing")
        return Record(image, int(label), example["filename"].decode() if self._named else f"{self._split}[{index}]")


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
        UserError: as open_chosen.
    """
    records, chosen = open_chosen()
    places = {index: (subset, place) for subset in SUBSETS for place, index in enumerate(chosen[subset])}
    for index in sorted(places):
        yield *places[index], records[index].image


def open_chosen() -> tuple[Records, dict[str, list[int]]]:
    """Open the data set, and find which of its images are train, val and test, in the order of data/split.csv.

    Raises:
        UserError: data/split.csv does not fit the data set.
    """
    rows, records = _chosen(), Records()
    times = Counter(row.index for row in rows)
    if twice := [index for index in times if times[index] > 1]:
        raise UserError(f"{SPLIT} has the image {twice[0]} twice")
    if absent := times.keys() - range(len(records)):
        raise UserError(f"{SPLIT} has the image {min(absent)}, which {DATASET} has not")
    return records, {subset: [row.index for row in rows if row.subset == subset] for subset in SUBSETS}


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
    if unknown := {row.subset for row in chosen} - set(SUBSETS):
        raise UserError(f"{SPLIT} has the subset {min(unknown)!r}; allowed: {', '.join(SUBSETS)}")
    return chosen
