"""Nested subsets of a training set, to measure how many labels are needed."""

from collections.abc import Sequence

import numpy as np


def nested_label_subsets(y: np.ndarray, sizes: Sequence[int], seed: int) -> list[np.ndarray]:
    """Draw nested subsets that have the same number of images of every class.

    Args:
        y: int, (n,), labels.
        sizes: images per class, 1 or more each. A size is left out if a class has fewer images.
        seed: of the order in which images are drawn.

    Returns:
        int64, (size * classes,), positions in y: one array per size, smallest first. Each contains the one before it.
    """
    order = np.random.default_rng(seed).permutation(len(y))
    by_class = [order[y[order] == label] for label in np.unique(y)]
    possible = [size for size in sorted(set(sizes)) if size <= min(map(len, by_class))]
    return [np.concatenate([of_class[:size] for of_class in by_class]) for size in possible]
