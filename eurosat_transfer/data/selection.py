"""The selected tiles of a data set: those of train, val and test."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from eurosat_transfer.data.band_names import RGB
from eurosat_transfer.data.dataset import DATASET, TileDataset
from eurosat_transfer.data.folds import NO_FOLDS, REST, divide
from eurosat_transfer.data.split_file import SPLIT_FILE, read_split
from eurosat_transfer.data.subsets import SUBSETS, UNLABELLED
from eurosat_transfer.errors import UserError

NO_IMAGES = np.empty(0, object)  # where there are no encoded images without labels


class EncodedTiles(NamedTuple):
    """The tiles of one subset, in memory.

    Attributes:
        images: object, (n,): bytes, encoded, see TileDataset.read_input.
        labels: int64, (n,).
        bands: the names of the bands of the images. None: RGB images.
    """

    images: np.ndarray
    labels: np.ndarray
    bands: tuple[str, ...] | None = None

    @property
    def channels(self) -> int:
        """How many channels the images have."""
        return len(RGB if self.bands is None else self.bands)

    def select(self, positions: np.ndarray) -> "EncodedTiles":
        """Return some of the tiles.

        Args:
            positions: int64, (m,).
        """
        return EncodedTiles(self.images[positions], self.labels[positions], self.bands)


def join_tiles(first: EncodedTiles, *others: EncodedTiles) -> EncodedTiles:
    """Join tiles of the same bands, one part after the other."""
    parts = (first, *others)
    images, labels = np.concatenate([part.images for part in parts]), np.concatenate([part.labels for part in parts])
    return EncodedTiles(images, labels, first.bands)


@dataclass(frozen=True)
class Selection:
    """The selected tiles of a data set, in the order of data/split.csv, which is that of the data set.

    Attributes:
        classes: names by label.
        indices: int64, (n,), by subset: places in the data set. With several folds, the subsets are those of the first
            fold, and REST has the tiles that only other folds use. UNLABELLED has tiles without labels, if there are
            any.
        labels: int64, (n,), by subset, without UNLABELLED.
        files: names of the images, by subset.
        other_folds: str, (folds - 1, tiles): the subsets in the other folds, see eurosat_transfer.data.folds.
    """

    classes: list[str]
    indices: dict[str, np.ndarray]
    labels: dict[str, np.ndarray]
    files: dict[str, list[str]]
    other_folds: np.ndarray = field(default_factory=lambda: NO_FOLDS)

    def folds(self) -> list["Selection"]:
        """Return the labelled tiles of each fold. A single split is one fold."""
        indices, labels = ({subset: of[subset] for subset in SUBSETS} for of in (self.indices, self.labels))
        folds = [Selection(self.classes, indices, labels, {subset: self.files.get(subset, []) for subset in SUBSETS})]
        names = {subset: np.array(of) for subset, of in self.files.items()}
        for fold in self.other_folds:
            files = {subset: of.tolist() for subset, of in divide(names, fold).items()}
            folds.append(Selection(self.classes, divide(self.indices, fold), divide(self.labels, fold), files))
        return folds

    def with_all_in_train(self) -> "Selection":
        """Return the selection with the tiles of test and REST in train too. Val stays."""
        train = [subset for subset in ("train", "test", REST) if subset in self.indices]
        return Selection(
            self.classes,
            self.indices | {"train": np.concatenate([self.indices[subset] for subset in train])},
            self.labels | {"train": np.concatenate([self.labels[subset] for subset in train])},
            self.files | {"train": [file for subset in train for file in self.files[subset]]},
        )

    def pooled(self) -> "Selection":
        """Return the first fold with the test tiles of all folds, in the order of the pooled predictions."""
        folds = self.folds()
        return Selection(
            self.classes,
            folds[0].indices | {"test": np.concatenate([fold.indices["test"] for fold in folds])},
            folds[0].labels | {"test": np.concatenate([fold.labels["test"] for fold in folds])},
            folds[0].files | {"test": [file for fold in folds for file in fold.files["test"]]},
        )

    def label_arrays(self) -> dict[str, np.ndarray]:
        """Return what a file of features says about its rows: y and files by subset, folds, and classes."""
        arrays = {f"y_{subset}": y for subset, y in self.labels.items()}
        arrays |= {f"files_{subset}": np.array(files) for subset, files in self.files.items() if subset in self.labels}
        if len(self.other_folds):
            arrays["folds"] = self.other_folds
        return arrays | {"classes": np.array(self.classes)}

    def count(self) -> int:
        """Count the labelled tiles of all subsets."""
        return sum(map(len, self.labels.values()))

    def places(self) -> Iterator[tuple[int, str, int]]:
        """Yield each tile's index in the data set, its subset, and its row in that subset, in the data set's order."""
        rows = [(int(i), subset, row) for subset, indices in self.indices.items() for row, i in enumerate(indices)]
        return iter(sorted(rows))

    def read(self, dataset: TileDataset) -> dict[str, EncodedTiles]:
        """Read what a network sees of every labelled tile into memory.

        Args:
            dataset: the data set that the tiles are selected from.

        Returns:
            The tiles by subset; see TileDataset.read_input.

        Raises:
            UserError: the data set is damaged.
        """
        bands = dataset.network_bands
        tiles = {subset: EncodedTiles(np.empty(len(y), object), y, bands) for subset, y in self.labels.items()}
        for index, subset, row in self.places():
            if subset in tiles:
                tiles[subset].images[row] = dataset.read_input(index)
        return tiles

    def read_unlabelled(self, dataset: TileDataset) -> np.ndarray:
        """Read what a network sees of the tiles of UNLABELLED into memory.

        Args:
            dataset: the data set that the tiles are selected from.

        Returns:
            object, (n,): bytes. n is 0 if there are none.

        Raises:
            UserError: the data set is damaged.
        """
        indices = self.indices.get(UNLABELLED, ())
        images = np.empty(len(indices), object)
        for row, index in enumerate(indices):
            images[row] = dataset.read_input(int(index))
        return images


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
    if rest := [row for row in rows if not row.subset]:
        by_subset[REST] = rest
    if unlabelled := [row for row in rows if row.subset == UNLABELLED]:
        by_subset[UNLABELLED] = unlabelled
    labelled = [of for subset, of in by_subset.items() if subset != UNLABELLED]
    others = np.array([row.other_folds for of in labelled for row in of], NO_FOLDS.dtype).T
    names = {row.label: row.class_name for row in rows if row.label is not None}
    return Selection(
        classes=[names[label] for label in sorted(names)],
        indices={subset: np.array([row.index for row in of]) for subset, of in by_subset.items()},
        labels={s: np.array([row.label for row in of]) for s, of in by_subset.items() if s != UNLABELLED},
        files={subset: [row.file for row in of] for subset, of in by_subset.items()},
        other_folds=others,
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
