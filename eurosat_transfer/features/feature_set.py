"""Features of train, val and test, loaded from a file and checked."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from eurosat_transfer.data.folds import NO_FOLDS, REST, divide
from eurosat_transfer.data.subsets import SUBSETS, UNLABELLED
from eurosat_transfer.errors import UserError
from eurosat_transfer.io.npz import list_arrays, read_npz

FEATURES_FILE, PIXELS_FILE = "data/features.npz", "data/pixels.npz"
BANDS_FILE = "data/bands.npz"


class Block(NamedTuple):
    """Neighbouring columns with features of one kind.

    Attributes:
        width: number of columns.
        has_units: whether each column has a unit of its own, such as a reflectance or an index. Otherwise all columns
            have the same one, and their proportions mean something.
    """

    width: int
    has_units: bool


@dataclass(frozen=True)
class FeatureSet:
    """Features and labels of the selected tiles.

    Attributes:
        X: numbers, (n, d), by subset, in the order of data/split.csv: float32 features, or uint8 pixels. d is 0 for the
            pixels of features that were computed elsewhere. With several folds, the subsets are those of the first
            fold, and REST has the tiles that only other folds use. UNLABELLED has tiles without labels, if there are
            any.
        y: integers, (n,), by subset, without UNLABELLED: labels below len(classes).
        classes: names by label.
        files: names of the images, by subset. Empty if they have no names.
        other_folds: str, (folds - 1, tiles): the subsets in the other folds, see eurosat_transfer.data.folds.
        blocks: the kinds of features that the columns have, one after the other, if they are to be scaled. Empty if
            they are used as they are; see eurosat_transfer.features.blocks.
    """

    X: dict[str, np.ndarray]
    y: dict[str, np.ndarray]
    classes: list[str]
    files: dict[str, list[str]] = field(default_factory=dict)
    other_folds: np.ndarray = field(default_factory=lambda: NO_FOLDS)
    blocks: tuple[Block, ...] = ()

    def folds(self) -> Iterator["FeatureSet"]:
        """Yield the features of each fold. A single split is one fold."""
        X, y = ({s: of[s] for s in (*SUBSETS, UNLABELLED) if s in of} for of in (self.X, self.y))
        files = {s: of for s, of in self.files.items() if s in X}
        yield FeatureSet(X, y, self.classes, files, blocks=self.blocks)
        names = {subset: np.array(of) for subset, of in self.files.items()}
        for fold in self.other_folds:
            files = {subset: of.tolist() for subset, of in divide(names, fold).items()} if names else {}
            unlabelled = {subset: of for subset, of in self.X.items() if subset == UNLABELLED}
            X, y = divide(self.X, fold) | unlabelled, divide(self.y, fold)
            yield FeatureSet(X, y, self.classes, files, blocks=self.blocks)

    def with_all_in_train(self) -> "FeatureSet":
        """Return the features with the tiles of test and REST in train too. Val stays."""
        X, y = self.select(*(subset for subset in ("train", "test", REST) if subset in self.X))
        return FeatureSet(self.X | {"train": X}, self.y | {"train": y}, self.classes, blocks=self.blocks)

    @property
    def tested_files(self) -> list[str]:
        """Names of the test images of all folds, fold after fold. Empty if the images have no names."""
        if not self.files:
            return []
        names = np.array([file for subset, of in self.files.items() if subset != UNLABELLED for file in of])
        return self.files["test"] + [file for fold in self.other_folds for file in names[fold == "test"].tolist()]

    def select(self, *subsets: str) -> tuple[np.ndarray, np.ndarray]:
        """Return X and y of one subset, or of several subsets one after the other.

        Args:
            subsets: train, val, test or REST.

        Returns:
            X, (n, d), and y, (n,): the arrays themselves for one subset, copies for several.

        Raises:
            KeyError: there is no subset of this name.
        """
        if len(subsets) == 1:
            return self.X[subsets[0]], self.y[subsets[0]]
        return np.concatenate([self.X[s] for s in subsets]), np.concatenate([self.y[s] for s in subsets])

    def with_train_rows(self, positions: np.ndarray) -> "FeatureSet":
        """Return the same features with only some of the training rows.

        Args:
            positions: int64, (m,): the rows to keep, in this order.
        """
        X, y = self.select("train")
        kept = {"train": [self.files["train"][position] for position in positions]} if self.files else {}
        X, y = X[positions], y[positions]
        return FeatureSet(
            self.X | {"train": X}, self.y | {"train": y}, self.classes, self.files | kept, blocks=self.blocks
        )


def load_features(path: Path | str = FEATURES_FILE) -> FeatureSet:
    """Load the features of train, val and test.

    Args:
        path: an .npz file with X_train, y_train, files_train, the same of val and test, and classes, as the extract
            stage writes it. With several folds it also has folds, and perhaps X_rest, y_rest and files_rest. It may
            also have X_unlabelled and files_unlabelled.

    Raises:
        UserError: the file is missing or damaged, an array has another type or shape, a feature is not finite, or a
            label has no class.
    """
    keys = ("X", "y", "files")
    *arrays, classes = read_npz(path, *(f"{key}_{subset}" for key in keys for subset in SUBSETS), "classes")
    X, y, files = (dict(zip(SUBSETS, arrays[start : start + 3], strict=True)) for start in (0, 3, 6))
    present = list_arrays(path)
    if f"X_{REST}" in present:
        X[REST], y[REST], files[REST] = read_npz(path, *(f"{key}_{REST}" for key in keys))
    if f"X_{UNLABELLED}" in present:
        X[UNLABELLED], files[UNLABELLED] = read_npz(path, f"X_{UNLABELLED}", f"files_{UNLABELLED}")
    other_folds = read_npz(path, "folds")[0] if "folds" in present else NO_FOLDS
    if classes.dtype.kind != "U" or classes.ndim != 1 or len(set(classes.tolist())) != len(classes):
        raise UserError(f"{path}: classes is {_describe(classes)}; allowed: different strings of shape (classes,)")
    for subset in X:
        _check_features(path, subset, X[subset], X["train"].shape[1:])
        if subset in y:
            _check_labels(path, subset, y[subset], len(X[subset]), len(classes))
        if files[subset].dtype.kind != "U" or files[subset].shape != X[subset].shape[:1]:
            allowed = f"strings of shape ({len(X[subset])},)"
            raise UserError(f"{path}: files_{subset} is {_describe(files[subset])}; allowed: {allowed}")
    images = sum(map(len, y.values()))
    if other_folds.dtype.kind != "U" or other_folds.ndim != 2 or (len(other_folds) and other_folds.shape[1] != images):
        allowed = f"strings of shape (folds - 1, {images})"
        raise UserError(f"{path}: folds is {_describe(other_folds)}; allowed: {allowed}")
    if empty := [subset for fold in other_folds for subset in SUBSETS if subset not in fold]:
        raise UserError(f"{path}: folds has no image for {empty[0]}; needed: one or more in each fold")
    names = {subset: of.tolist() for subset, of in files.items()}
    return FeatureSet(X, y, classes.tolist(), names, other_folds)


def _check_features(path: Path | str, subset: str, X: np.ndarray, width: tuple[int, ...]) -> None:
    if X.dtype.kind not in "fiu" or X.ndim != 2 or len(X) == 0 or X.shape[1:] != width:
        allowed = "numbers of shape (images, columns), with the same columns in every subset"
        raise UserError(f"{path}: X_{subset} is {_describe(X)}; allowed: {allowed}")
    if not np.isfinite(X).all():
        raise UserError(f"{path}: X_{subset} has values that are NaN or infinite; allowed: finite numbers")


def _check_labels(path: Path | str, subset: str, y: np.ndarray, images: int, classes: int) -> None:
    if y.dtype.kind not in "iu" or y.shape != (images,):
        raise UserError(f"{path}: y_{subset} is {_describe(y)}; allowed: integers of shape ({images},)")
    if y.min() < 0 or y.max() >= classes:
        raise UserError(f"{path}: y_{subset} has labels from {y.min()} to {y.max()}; allowed: 0 to {classes - 1}")


def _describe(array: np.ndarray) -> str:
    return f"{array.dtype} of shape {array.shape}"
