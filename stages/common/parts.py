"""Parts of a training set, for what depends on how many labels there are."""

import numpy as np


def nested_parts(y: np.ndarray, sizes: list[int], seed: int) -> list[np.ndarray]:
    """Draw nested parts with as many images of every class.

    Args:
        y: int, (n,), labels.
        sizes: images a class; a size that some class has too few images for is left out.

    Returns:
        positions: int64, one array a part, each containing the one before.
    """
    order = np.random.default_rng(seed).permutation(len(y))
    by_class = [order[y[order] == label] for label in np.unique(y)]
    possible = [size for size in sorted(set(sizes)) if size <= min(map(len, by_class))]
    return [np.concatenate([of_class[:size] for of_class in by_class]) for size in possible]
