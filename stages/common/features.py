"""Features as the extract stage leaves them, checked."""

from typing import NamedTuple

import numpy as np

from stages.common.files import read_arrays
from stages.common.names import SUBSETS
from stages.common.stage import UserError


class Features(NamedTuple):
    """X: (n, d); y: int64, (n,), below len(classes)."""

    X: dict[str, np.ndarray]
    y: dict[str, np.ndarray]
    classes: list[str]

    def of(self, *subsets: str) -> tuple[np.ndarray, np.ndarray]:
        """X and y of one subset, as they are, or copies of several, one after the other."""
        if len(subsets) == 1:
            return self.X[subsets[0]], self.y[subsets[0]]
        return np.concatenate([self.X[s] for s in subsets]), np.concatenate([self.y[s] for s in subsets])


def load_features(path: str = "data/features.npz") -> Features:
    """Load the features of train, val and test.

    Raises:
        UserError: missing, not such a file, features that are no finite numbers, or labels that are of no class.
    """
    *arrays, classes = read_arrays(path, *(f"{key}_{subset}" for subset in SUBSETS for key in "Xy"), "classes")
    X = dict(zip(SUBSETS, arrays[::2], strict=True))
    y = dict(zip(SUBSETS, arrays[1::2], strict=True))
    if classes.dtype.kind != "U" or classes.ndim != 1 or len(set(classes.tolist())) != len(classes):
        raise UserError(f"{path}: classes is {_described(classes)}; allowed: names, each another one")
    for subset in SUBSETS:
        _check(path, subset, X[subset], y[subset], len(classes), X["train"].shape[1:])
    return Features(X, y, classes.tolist())


def _check(path: str, subset: str, X: np.ndarray, y: np.ndarray, classes: int, width: tuple[int, ...]) -> None:
    if X.dtype.kind not in "fiu" or X.ndim != 2 or len(X) == 0 or X.shape[1:] != width:  # no width: no raw pixels
        raise UserError(f"{path}: X_{subset} is {_described(X)}; allowed: numbers, (images, width), one width for all")
    if y.dtype.kind not in "iu" or y.shape != X.shape[:1]:
        raise UserError(f"{path}: y_{subset} is {_described(y)}; allowed: whole numbers, ({len(X)},), as X_{subset}")
    if not np.isfinite(X).all():
        raise UserError(f"{path}: X_{subset} has values that are no finite numbers")
    if y.min() < 0 or y.max() >= classes:
        raise UserError(f"{path}: y_{subset} has labels from {y.min()} to {y.max()}; allowed: 0 to {classes - 1}")


def _described(array: np.ndarray) -> str:
    return f"{array.dtype} of shape {array.shape}"
