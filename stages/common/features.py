"""Features as the extract stage leaves them, checked."""

from typing import NamedTuple

import numpy as np

from stages.common.files import read_arrays
from stages.common.stage import UserError

SUBSETS = ("train", "val", "test")


class Features(NamedTuple):
    """X: (n, d); y: int64, (n,), below len(classes)."""

    X: dict[str, np.ndarray]
    y: dict[str, np.ndarray]
    classes: list[str]

    def of(self, *subsets: str) -> tuple[np.ndarray, np.ndarray]:
        """X and y of one subset, or of several one after the other."""
        return np.concatenate([self.X[s] for s in subsets]), np.concatenate([self.y[s] for s in subsets])


def load_features(path: str = "data/features.npz") -> Features:
    """Load the features of train, val and test.

    Raises:
        UserError: missing, not such a file, or features that are no finite numbers.
    """
    *arrays, classes = read_arrays(path, *(f"{key}_{subset}" for subset in SUBSETS for key in "Xy"), "classes")
    X = dict(zip(SUBSETS, arrays[::2], strict=True))
    y = dict(zip(SUBSETS, arrays[1::2], strict=True))
    for subset in SUBSETS:
        if not np.isfinite(X[subset]).all():
            raise UserError(f"{path}: X_{subset} has values that are no finite numbers")
    return Features(X, y, classes.tolist())
