"""The index of a data set: the name, label, class and copies of every image, as data/index.csv lists them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from eurosat_transfer.data.copies import find_contradictions, group_copies
from eurosat_transfer.errors import UserError
from eurosat_transfer.io.csv_files import read_csv, write_csv

INDEX_FILE, CONTRADICTIONS_FILE = "data/index.csv", "data/contradictions.csv"
COLUMNS = ("file", "label", "class", "group")
X_COLUMN, Y_COLUMN = "x", "y"  # the centre of an image on the ground, in whole metres of EPSG:6933
NO_LABEL = -1  # an empty field in the file


class LabelledImage(NamedTuple):
    """What the index needs to know of an image.

    Attributes:
        file: its name.
        label: from 0; -1 if the image has none.
        digest: of its pixels. Images with the same digest are copies.
    """

    file: str
    label: int
    digest: bytes


@dataclass(frozen=True)
class DatasetIndex:
    """The images of a data set, in its order.

    Attributes:
        files: names of the images.
        labels: int64, (n,), below len(classes); -1 for none. Every label has an image.
        classes: names by label.
        groups: int64, (n,): the place of the first image with the same pixels. An image without copies has its own.
        columns: what else is known of the images, by name: text, "" where it is not known.
    """

    files: list[str]
    labels: np.ndarray
    classes: list[str]
    groups: np.ndarray
    columns: dict[str, list[str]] = field(default_factory=dict)

    @property
    def is_unlabelled(self) -> np.ndarray:
        """Which images have no label, and no copy with one: bool, (n,)."""
        return ~np.isin(self.groups, self.groups[self.labels >= 0])

    @property
    def contradicts(self) -> np.ndarray:
        """Which images have a copy with another label: bool, (n,)."""
        return find_contradictions(self.groups, self.labels)

    def count(self) -> dict[str, int]:
        """Count the images, the copies of earlier images, and the images that have a copy with another label.

        Images without labels are counted by themselves, if there are any.
        """
        unlabelled = int((self.labels < 0).sum())
        return {
            "images": len(self.files),
            "copies": len(self.files) - len(np.unique(self.groups)),
            "contradictions": int(self.contradicts.sum()),
        } | ({"unlabelled": unlabelled} if unlabelled else {})

    def first_of_each_class(self, count: int) -> dict[str, list[int]]:
        """Find the first images of each class.

        Args:
            count: the most images per class.

        Returns:
            Places in the data set, by the name of the class.
        """
        return {name: np.flatnonzero(self.labels == label)[:count].tolist() for label, name in enumerate(self.classes)}


def index_images(
    images: Iterable[LabelledImage],
    class_names: Sequence[str],
    columns: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
) -> DatasetIndex:
    """Index the images of a data set. Labels are numbered again, without the classes that have no image.

    Args:
        images: of the data set, in its order.
        class_names: names by label.
        columns: what else is known of the images, by the name of a column and the name of an image.

    Raises:
        UserError: fewer than two classes have images.
    """
    found = list(images)
    given = np.array([image.label for image in found], np.int64)
    present = np.unique(given[given >= 0])
    labels = np.where(given < 0, NO_LABEL, np.searchsorted(present, given))
    if len(present) < 2:
        raise UserError(f"the data set has images of {len(present)} class(es); needed: two or more")
    groups = group_copies(image.digest for image in found)
    files, classes = [image.file for image in found], [class_names[label] for label in present]
    further = {name: [of.get(file, "") for file in files] for name, of in columns.items()}
    return DatasetIndex(files, labels, classes, groups, further)


def write_index(index: DatasetIndex, path: Path | str = INDEX_FILE) -> None:
    """Write an index as a CSV file with the columns file, label, class and group, and those of its `columns`.

    An image without a label has neither label nor class.
    """
    further = index.columns.values()
    rows = ((*_row(index, place), *(column[place] for column in further)) for place in range(len(index.files)))
    write_csv(path, (*COLUMNS, *index.columns), rows)


def _row(index: DatasetIndex, place: int) -> tuple[str, int | str, str, int]:
    label = int(index.labels[place])
    known: tuple[int | str, str] = (label, index.classes[label]) if label >= 0 else ("", "")
    return (index.files[place], *known, int(index.groups[place]))


def write_contradictions(index: DatasetIndex, path: Path | str = CONTRADICTIONS_FILE) -> None:
    """List the images that have a copy with another label, in a CSV file with the columns of the index.

    Copies follow each other. If there are no such images, the file has a header only.
    """
    places = np.flatnonzero(index.contradicts)
    places = places[np.argsort(index.groups[places], kind="stable")]
    write_csv(path, COLUMNS, (_row(index, place) for place in places.tolist()))


def read_index(path: Path | str = INDEX_FILE) -> DatasetIndex:
    """Read an index.

    Raises:
        UserError: the file is not one of the download stage.
        FileNotFoundError: there is no such file.
    """
    try:
        content = read_csv(path)
        rows = [(row["file"], int(row["label"] or NO_LABEL), row["class"], int(row["group"])) for row in content]
    except (KeyError, ValueError) as error:
        raise UserError(f"{path} is not a file of the download stage: {error}; `dvc repro` writes it again") from None
    names = {label: name for _, label, name, _ in rows if label != NO_LABEL}
    if sorted(names) != list(range(len(names))) or len(names) < 2:
        raise UserError(f"{path} has the labels {sorted(names)}; allowed: 0, 1 and so on, without gaps")
    groups = np.array([group for *_, group in rows])
    if ((groups < 0) | (groups > np.arange(len(rows)))).any() or (groups[groups] != groups).any():
        raise UserError(f"{path} has groups that are no places of first images; `dvc repro` writes it again")
    labels = np.array([label for _, label, _, _ in rows])
    further = [name for name in content[0] if name not in COLUMNS]
    columns = {name: [row[name] for row in content] for name in further}
    files, classes = [file for file, *_ in rows], [names[label] for label in sorted(names)]
    return DatasetIndex(files, labels, classes, groups, columns)
