"""The division of a data set into disjoint parts, for halves and folds. Copies of an image are in one part."""

import numpy as np


def parts_by_order(groups: np.ndarray, count: int) -> list[np.ndarray]:
    """Divide images into blocks that follow each other. A copy is in the block of the first image of its group.

    Args:
        groups: int64, (n,): images with the same number are copies.
        count: of the blocks.

    Returns:
        int64, sorted positions: one array per block.
    """
    _, first, group = np.unique(groups, return_index=True, return_inverse=True)
    ends = np.array([len(groups) * (block + 1) // count for block in range(count)])
    block = np.searchsorted(ends, first[group], side="right")
    return [np.flatnonzero(block == number) for number in range(count)]


def parts_by_class(labels: np.ndarray, groups: np.ndarray, count: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Deal the images of each class out at random, so that every part gets its share of every class.

    The numbers of images that two parts have of a class differ by one at most, if there are no copies. The first part
    gets the first image of each class. So a class with fewer images than parts is missing in the last parts.

    Args:
        labels: int64, (n,).
        groups: int64, (n,): images with the same number are copies. A group counts as one of the class of its first
            image.
        count: of the parts.
        rng: draws the order in which images are dealt out.

    Returns:
        int64, sorted positions: one array per part.
    """
    _, first, group, sizes = np.unique(groups, return_index=True, return_inverse=True, return_counts=True)
    part_of = np.empty(len(first), np.int64)
    in_total = [0] * count
    for label in np.unique(labels[first]):
        dealt = rng.permutation(np.flatnonzero(labels[first] == label))
        of_class = [0] * count
        for number in dealt[np.argsort(-sizes[dealt], kind="stable")]:  # large groups first: small ones even them out
            started = any(of_class)
            part = min(range(count), key=lambda p: (of_class[p], in_total[p] if started else p, p))
            part_of[number] = part
            of_class[part] += int(sizes[number])
            in_total[part] += int(sizes[number])
    return [np.flatnonzero(part_of[group] == part) for part in range(count)]
