"""The file data/split.csv, which lists the selected tiles with their subsets."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eurosat_transfer.data.index import DatasetIndex
from eurosat_transfer.data.subsets import SUBSETS, UNLABELLED
from eurosat_transfer.errors import UserError
from eurosat_transfer.io.csv_files import read_csv, write_csv

SPLIT_FILE = "data/split.csv"
COLUMNS = ("index", "file", "label", "class", "subset")
PLACE = "place"


@dataclass(frozen=True)
class SplitRow:
    """One selected tile.

    Attributes:
        index: its place in the data set, from 0.
        file: the name of the image.
        label: from 0. None for UNLABELLED.
        class_name: the name of its class. "" for UNLABELLED.
        subset: train, val, test or UNLABELLED; "" if only other folds use the tile.
        other_folds: its subset in the second fold and all further ones; "" in folds that do not use it.
    """

    index: int
    file: str
    label: int | None
    class_name: str
    subset: str
    other_folds: tuple[str, ...] = ()


def write_split(
    index: DatasetIndex,
    folds: Sequence[Mapping[str, np.ndarray]],
    path: Path | str = SPLIT_FILE,
    places: np.ndarray | None = None,
) -> None:
    """Write the selected tiles, one row per tile, in the data set's order.

    The column `subset` is for the first fold. For each other fold there is a column `subset_2`, `subset_3` and so on.
    With places, there is a column `place`.
    Tiles of UNLABELLED have neither label nor class in the file, so that no classifier can see them.

    Args:
        index: of the data set.
        folds: int64, (n,), by subset: places in the data set. One dictionary for each fold.
        path: of the CSV file.
        places: int64, of all images of the data set, as find_places returns them. None: not known.
    """
    subsets = [{int(i): subset for subset, positions in fold.items() for i in positions} for fold in folds]
    selected = sorted(set().union(*subsets))
    rows = (
        (
            *(i, index.files[i], *_label(index, i, subsets[0].get(i)), *(fold.get(i, "") for fold in subsets)),
            *(() if places is None else (int(places[i]),)),
        )
        for i in selected
    )
    further = () if places is None else (PLACE,)
    write_csv(path, (*COLUMNS, *(_column(fold) for fold in range(2, len(folds) + 1)), *further), rows)


def _label(index: DatasetIndex, i: int, subset: str | None) -> tuple[int | str, str]:
    return ("", "") if subset == UNLABELLED else (index.labels[i], index.classes[index.labels[i]])


def _column(fold: int) -> str:
    return f"subset_{fold}"


def read_split(path: Path | str = SPLIT_FILE) -> list[SplitRow]:
    """Read the selected tiles.

    Returns:
        The rows in the order of the file. Every subset of every fold has one or more, and the labels have no gap.

    Raises:
        UserError: the file is not one of the split stage, lists a tile twice, or has no tile for a subset of a fold.
        FileNotFoundError: there is no such file.
    """
    try:
        rows = [
            SplitRow(int(row["index"]), row["file"], _read_label(row), row["class"], row["subset"], _others(row))
            for row in read_csv(path)
        ]
    except (KeyError, ValueError) as error:
        raise UserError(f"{path} is not a file of the split stage: {error}; `dvc repro` writes it again") from None
    labels = {row.label for row in rows if row.label is not None}
    if labels != set(range(len(labels))):
        raise UserError(f"{path} has the labels {sorted(labels)}; allowed: 0, 1, 2 and so on, without gaps")
    others = len(rows[0].other_folds) if rows else 0
    unused = {""} if others else set()
    found = [{row.subset for row in rows}, *({row.other_folds[fold] for row in rows} for fold in range(others))]
    if unknown := set().union(*found) - {*SUBSETS, UNLABELLED} - unused:
        raise UserError(f"{path} has the subset {min(unknown)!r}; allowed: {', '.join((*SUBSETS, UNLABELLED))}")
    if twice := [index for index, times in Counter(row.index for row in rows).items() if times > 1]:
        raise UserError(f"{path} lists image {twice[0]} twice; allowed: once")
    if empty := [subset for subset in SUBSETS for fold in found if subset not in fold]:
        raise UserError(f"{path} has no image for {empty[0]}; needed: one or more")
    return rows


def read_places(path: Path | str = SPLIT_FILE) -> dict[str, int]:
    """Read the number of the place of each selected tile, by its file. Empty if the places are not known.

    Raises:
        UserError: the file is not one of the split stage.
        FileNotFoundError: there is no such file.
    """
    try:
        return {row["file"]: int(row[PLACE]) for row in read_csv(path) if PLACE in row}
    except ValueError as error:
        raise UserError(f"{path} is not a file of the split stage: {error}; `dvc repro` writes it again") from None


def _read_label(row: Mapping[str, str]) -> int | None:
    return None if row["subset"] == UNLABELLED else int(row["label"])


def _others(row: Mapping[str, str]) -> tuple[str, ...]:
    columns = map(_column, range(2, len(row)))
    return tuple(row[column] for column in columns if column in row)
