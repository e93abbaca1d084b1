"""The index of a data set: the name, label and class of every image, as data/index.csv lists them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eurosat_transfer.errors import UserError
from eurosat_transfer.io.csv_files import read_csv, write_csv

INDEX_FILE = "data/index.csv"


@dataclass(frozen=True)
class DatasetIndex:
    """The images of a data set, in its order.

    Attributes:
        files: names of the images.
        labels: int64, (n,), below len(classes). Every label has an image.
        classes: names by label.
    """

    files: list[str]
    labels: np.ndarray
    classes: list[str]

    def first_of_each_class(self, count: int) -> dict[str, list[int]]:
        """Find the first images of each class.

        Args:
            count: the most images per class.

        Returns:
            Places in the data set, by the name of the class.
        """
        return {name: np.flatnonzero(self.labels == label)[:count].tolist() for label, name in enumerate(self.classes)}


def index_images(images: Iterable[tuple[str, int]], class_names: Sequence[str]) -> DatasetIndex:
    """Index the images of a data set. Labels are numbered again, without the classes that have no image.

    Args:
        images: name and label of each image; the label is -1 if the image has none.
        class_names: names by label.

    Raises:
        UserError: an image has no label, or fewer than two classes have images.
    """
    files, found = [], []
    for file, label in images:
        if label < 0:
            raise UserError(f"image {file} of the data set has no label; allowed: labelled images only")
        files.append(file)
        found.append(label)
    present, labels = np.unique(np.array(found, np.int64), return_inverse=True)
    if len(present) < 2:
        raise UserError(f"the data set has images of {len(present)} class(es); needed: two or more")
    return DatasetIndex(files, labels, [class_names[label] for label in present])


def write_index(index: DatasetIndex, path: Path | str = INDEX_FILE) -> None:
    """Write an index as a CSV file with the columns file, label and class."""
    rows = ((file, label, index.classes[label]) for file, label in zip(index.files, index.labels, strict=True))
    write_csv(path, ("file", "label", "class"), rows)


def read_index(path: Path | str = INDEX_FILE) -> DatasetIndex:
    """Read an index.

    Raises:
        UserError: the file is not one of the download stage.
        FileNotFoundError: there is no such file.
    """
    try:
        rows = [(row["file"], int(row["label"]), row["class"]) for row in read_csv(path)]
    except (KeyError, ValueError) as error:
        raise UserError(f"{path} is not a file of the download stage: {error}; `dvc repro` writes it again") from None
    names = {label: name for _, label, name in rows}
    if sorted(names) != list(range(len(names))) or len(names) < 2:
        raise UserError(f"{path} has the labels {sorted(names)}; allowed: 0, 1 and so on, without gaps")
    labels = np.array([label for _, label, _ in rows])
    return DatasetIndex([file for file, _, _ in rows], labels, [names[label] for label in sorted(names)])
