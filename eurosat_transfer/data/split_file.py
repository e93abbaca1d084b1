"""The file data/split.csv, which lists the selected tiles with their subsets."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eurosat_transfer.data.index import DatasetIndex
from eurosat_transfer.data.subsets import SUBSETS
from eurosat_transfer.errors import UserError
from eurosat_transfer.io.csv_files import read_csv, write_csv

SPLIT_FILE = "data/split.csv"
COLUMNS = ("index", "file", "label", "class", "subset")


@dataclass(frozen=True)
class SplitRow:
    """One selected tile.

    Attributes:
        index: its place in the data set, from 0.
        file: the name of the image.
        label: from 0.
        class_name: the name of its class.
        subset: train, val or test.
    """

    index: int
    file: str
    label: int
    class_name: str
    subset: str


def write_split(index: DatasetIndex, subsets: Mapping[str, np.ndarray], path: Path | str = SPLIT_FILE) -> None:
    """Write the selected tiles, one row per tile, in the data set's order.

    Args:
        index: of the data set.
        subsets: int64, (n,), by subset: places in the data set.
        path: of the CSV file.
    """
    selected = sorted((int(i), subset) for subset, positions in subsets.items() for i in positions)
    rows = ((i, index.files[i], index.labels[i], index.classes[index.labels[i]], subset) for i, subset in selected)
    write_csv(path, COLUMNS, rows)


def read_split(path: Path | str = SPLIT_FILE) -> list[SplitRow]:
    """Read the selected tiles.

    Returns:
        The rows in the order of the file. Every subset has one or more, and the labels have no gap.

    Raises:
        UserError: the file is not one of the split stage, lists a tile twice, or has no tile for a subset.
        FileNotFoundError: there is no such file.
    """
    try:
        rows = [
            SplitRow(int(row["index"]), row["file"], int(row["label"]), row["class"], row["subset"])
            for row in read_csv(path)
        ]
    except (KeyError, ValueError) as error:
        raise UserError(f"{path} is not a file of the split stage: {error}; `dvc repro` writes it again") from None
    labels = {row.label for row in rows}
    if labels != set(range(len(labels))):
        raise UserError(f"{path} has the labels {sorted(labels)}; allowed: 0, 1, 2 and so on, without gaps")
    found = {row.subset for row in rows}
    if unknown := found - set(SUBSETS):
        raise UserError(f"{path} has the subset {min(unknown)!r}; allowed: {', '.join(SUBSETS)}")
    if twice := [index for index, times in Counter(row.index for row in rows).items() if times > 1]:
        raise UserError(f"{path} lists image {twice[0]} twice; allowed: once")
    if empty := [subset for subset in SUBSETS if subset not in found]:
        raise UserError(f"{path} has no image for {empty[0]}; needed: one or more")
    return rows
