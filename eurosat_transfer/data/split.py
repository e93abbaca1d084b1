"""The split of a data set: train and val come from its first half, test from its second half."""

import numpy as np

from eurosat_transfer.errors import UserError
from eurosat_transfer.parameters.split import Split


def stratified_order(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Order images so that each prefix and each suffix has about the class proportions of all of them.

    Args:
        labels: int, (n,).
        rng: draws the order inside each class.

    Returns:
        int64, (n,): a permutation of the positions.
    """
    shuffled = rng.permutation(len(labels))
    key = np.empty(len(labels))
    for label in np.unique(labels):
        of_class = np.flatnonzero(labels[shuffled] == label)
        key[of_class] = (np.arange(len(of_class)) + 0.5) / len(of_class)
    return shuffled[np.argsort(key, kind="stable")]


def split_dataset(labels: np.ndarray, params: Split, classes: list[str]) -> dict[str, np.ndarray]:
    """Select the images of each subset.

    Each subset has the class proportions of its half. With the same seed, a larger subset contains the smaller one.
    Train is taken from the front of the first half's order and val from its end, so that the size of one does not
    change the other.

    Args:
        labels: int, (n,), in the data set's order.
        params: sizes and seed.
        classes: names by label.

    Returns:
        int64, sorted, disjoint positions by subset: train, val and test.

    Raises:
        UserError: the parameters ask for more images than there are, or leave a class without a training image.
    """
    half = len(labels) // 2
    rng = np.random.default_rng(params.seed)
    first = stratified_order(labels[:half], rng)
    second = half + stratified_order(labels[half:], rng)
    train = len(first) - params.val if params.train == "all" else params.train
    test = len(second) if params.test == "all" else params.test
    if train < 1 or train + params.val > len(first):
        found = f"split.train={params.train} and split.val={params.val} ask for too many images"
        raise UserError(f"{found}; available: {_describe('first', labels[:half], classes)}")
    if test > len(second):
        found = f"split.test={test} asks for too many images"
        raise UserError(f"{found}; available: {_describe('second', labels[half:], classes)}")
    missing = [classes[c] for c in np.setdiff1d(labels, labels[first[:train]])]
    if missing:
        found = f"split.train={train} leaves no training image of {', '.join(missing)}"
        raise UserError(f"{found}; available: {_describe('first', labels[:half], classes)}")
    return {
        "train": np.sort(first[:train]),
        "val": np.sort(first[len(first) - params.val :]),
        "test": np.sort(second[:test]),
    }


def _describe(half: str, labels: np.ndarray, classes: list[str]) -> str:
    counts = np.bincount(labels, minlength=len(classes))
    by_class = ", ".join(f"{name} {count}" for name, count in zip(classes, counts, strict=True))
    return f"{len(labels)} images in the {half} half of the data set ({by_class})"
