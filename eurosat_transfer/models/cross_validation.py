"""Stratified folds of a training set, for everything that is chosen on its labels."""

from typing import NamedTuple

import numpy as np

FOLDS = 5
ENOUGH_ROWS = 2000  # held-out rows that estimate a loss well: more of them would only cost time


class Fold(NamedTuple):
    """One division of a training set into two parts.

    Attributes:
        fit: int64, (m,), sorted: rows to fit a classifier on. Every class is among them.
        held_out: int64, (n,), sorted: rows to measure the classifier on.
    """

    fit: np.ndarray
    held_out: np.ndarray


def stratified_folds(y: np.ndarray) -> list[Fold]:
    """Divide the rows of a training set into folds, so that the rows of each class are spread over them evenly.

    A class with one row is never held out, because no classifier can predict a class that it was not fitted on.
    Classes with fewer rows than folds are held out in some folds only.

    Args:
        y: int, (n,), n of 1 or more: labels.

    Returns:
        Folds without common held-out rows, until 2,000 rows or all are held out. The list is empty if every class has
        one row. Equal labels always give equal folds.
    """
    fold_of_row = np.full(len(y), -1)
    order = np.random.default_rng(0).permutation(len(y))  # neighbours in a data set can show the same place
    next_fold = 0
    for label in np.unique(y):
        rows = order[y[order] == label]
        if len(rows) > 1:
            fold_of_row[rows] = (next_fold + np.arange(len(rows))) % FOLDS
            next_fold += len(rows)
    folds: list[Fold] = []
    for number in np.unique(fold_of_row[fold_of_row >= 0]):
        if sum(len(fold.held_out) for fold in folds) < ENOUGH_ROWS:
            folds.append(Fold(np.flatnonzero(fold_of_row != number), np.flatnonzero(fold_of_row == number)))
    return folds
