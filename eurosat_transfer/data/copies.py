"""Copies among the images of a data set: images with the same pixels, whatever their names and labels."""

from collections.abc import Iterable

import numpy as np


def group_copies(digests: Iterable[bytes]) -> np.ndarray:
    """Put images with the same digest into one group.

    Args:
        digests: of the images, in the data set's order.

    Returns:
        int64, (n,): the place of the first image with the same digest. An image without copies has its own place.
    """
    first: dict[bytes, int] = {}
    return np.array([first.setdefault(digest, place) for place, digest in enumerate(digests)], np.int64)


def find_contradictions(groups: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Find the images that have a copy with another label.

    Args:
        groups: int64, (n,), as group_copies returns them.
        labels: int64, (n,); -1 for an image without a label, which contradicts nothing.

    Returns:
        bool, (n,): true for every image of a group with two labels or more.
    """
    lowest = np.full(len(groups), np.iinfo(np.int64).max)
    highest = np.full(len(groups), -1)
    known = labels >= 0
    np.minimum.at(lowest, groups[known], labels[known])
    np.maximum.at(highest, groups[known], labels[known])
    contradicts: np.ndarray = (lowest < highest)[groups]
    return contradicts
