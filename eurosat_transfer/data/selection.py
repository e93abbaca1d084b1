"""The selected tiles of a data set: those of train, val and test."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from eurosat_transfer.data.dataset import DATASET, TileDataset
from eurosat_transfer.data.split_file import SPLIT_FILE, read_split
from eurosat_transfer.data.subsets import SUBSETS
from eurosat_transfer.errors import UserError


class EncodedTiles(NamedTuple):
    """The tiles of one subset, in memory.

    Attributes:
        images: object, (n,): bytes, encoded.
        labels: int64, (n,).
    """

    images: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class Selection:
    """The selected tiles of a data set, in the order of data/split.csv, which is that of the data set.

    Attributes:
        classes: names by label.
        indices: int64, (n,), by subset: places in the data set.
        labels: int64, (n,), by subset.
        files: names of the images, by subset.
    """

    classes: list[str]
    indices: dict[str, np.ndarray]
    labels: dict[str, np.ndarray]
    files: dict[str, list[str]]

    def count(self) -> int:
        """Count the selected tiles of all subsets."""
        return sum(map(len, self.labels.values()))

    def places(self) -> Iterator[tuple[int, str, int]]:
        """Yield each tile's index in the data set, its subset, and its row in that subset, in the data set's order."""
        rows = [(int(index), subset, row) for subset in SUBSETS for row, index in enumerate(self.indices[subset])]
        return iter(sorted(rows))

    def read(self, dataset: TileDataset) -> dict[str, EncodedTiles]:
        """Read the encoded images of every subset into memory.

        Args:
            dataset: the data set that the tiles are selected from.

        Raises:
            UserError: the data set is damaged.
        """
        tiles = {subset: EncodedTiles(np.empty(len(y), object), y) for subset, y in self.labels.items()}
        for index, subset, row in self.places():
            tiles[subset].images[row] = dataset[index].image
        return tiles


def read_selection(path: Path | str = SPLIT_FILE) -> Selection:
    """Read which tiles are selected.

    Args:
        path: of the CSV file that the split stage wrote.

    Raises:
        UserError: the file is not one of the split stage, or a subset has no image.
        FileNotFoundError: there is no such file.
    """
    rows = read_split(path)
    by_subset = {subset: [row for row in rows if row.subset == subset] for subset in SUBSETS}
    names = {row.label: row.class_name for row in rows}
    return Selection(
        classes=[names[label] for label in sorted(names)],
        indices={subset: np.array([row.index for row in of]) for subset, of in by_subset.items()},
        labels={subset: np.array([row.label for row in of]) for subset, of in by_subset.items()},
        files={subset: [row.file for row in of] for subset, of in by_subset.items()},
    )


def open_selection(dataset_folder: Path = DATASET, path: Path | str = SPLIT_FILE) -> tuple[TileDataset, Selection]:
    """Open the data set together with its selected tiles.

    Args:
        dataset_folder: of the prepared data set.
        path: of the CSV file that the split stage wrote.

    Raises:
        UserError: one of the two is missing or damaged, or they do not fit each other.
        FileNotFoundError: there is no CSV file.
    """
    selection, dataset = read_selection(path), TileDataset(dataset_folder)
    for indices in selection.indices.values():
        if absent := set(indices.tolist()) - set(range(len(dataset))):
            raise UserError(f"{path} lists image {min(absent)}; {dataset_folder} has images 0 to {len(dataset) - 1}")
    return dataset, selection
