"""Stratified folds of a training set, for everything that is chosen on its labels."""

from typing import NamedTuple

import numpy as np

from eurosat_transfer.models.equal_rows import number_equal_rows

FOLDS = 5
ENOUGH_ROWS = 2000  # different held-out rows that estimate a loss well: more of them would only cost time


class Fold(NamedTuple):
    """One division of a training set into two parts.

    Attributes:
        fit: int64, (m,), sorted: rows to fit a classifier on. Every class is among them.
        held_out: int64, (n,), sorted: rows to measure the classifier on.
    """

    fit: np.ndarray
    held_out: np.ndarray


def stratified_folds(X: np.ndarray, y: np.ndarray) -> list[Fold]:
    """Divide the rows of a training set into folds, so that the rows of each class are spread over them evenly.

    Equal rows stay together, because a classifier that was fitted on a copy of a row knows the answer. So every row
    twice gives the folds of every row once.

    A class with one row, apart from copies, is never held out, because no classifier can predict a class that it was
    not fitted on. Equal rows with different labels are never held out either. Classes with fewer rows than folds are
    held out in some folds only.

    Args:
        X: numbers, (n, d), n of 1 or more.
        y: int, (n,): labels.

    Returns:
        Folds without common held-out rows, until 2,000 different rows or all are held out. The list is empty if every
        class has one row, apart from copies. Without equal rows, equal labels always give equal folds.
    """
    group_of_row = number_equal_rows(X)
    label_of_group = y[np.unique(group_of_row, return_index=True)[1]]
    contradictory = np.bincount(group_of_row, y != label_of_group[group_of_row]) > 0
    fold_of_group = np.full(len(label_of_group), -1)
    order = np.random.default_rng(0).permutation(len(label_of_group))  # neighbours can show the same place
    next_fold = 0
    for label in np.unique(label_of_group):
        groups = order[((label_of_group == label) & ~contradictory)[order]]
        if len(groups) > 1:
            fold_of_group[groups] = (next_fold + np.arange(len(groups))) % FOLDS
            next_fold += len(groups)
    folds: list[Fold] = []
    different = 0
    for number in np.unique(fold_of_group[fold_of_group >= 0]):
        if different < ENOUGH_ROWS:
            is_held_out = fold_of_group[group_of_row] == number
            folds.append(Fold(np.flatnonzero(~is_held_out), np.flatnonzero(is_held_out)))
            different += int((fold_of_group == number).sum())
    return folds
