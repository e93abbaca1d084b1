"""Out-of-fold scores: each training row is scored by a classifier that was not fitted on it."""

import warnings
from typing import NamedTuple

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from eurosat_transfer.models.equal_rows import number_equal_rows
from eurosat_transfer.models.logistic_regression import SEARCH_TOLERANCE, fit_logistic_regression

FOLDS, FOLDS_OF_MANY = 10, 5  # with many rows, each fold has enough of them to learn from
MANY = 2000
C = 3.0  # chosen on draws of EuroSAT that no reported figure is from; 1 and 10 find as many wrong labels


class OutOfFoldScores(NamedTuple):
    """Scores of the rows that could be scored.

    Attributes:
        rows: int64, (m,), sorted: positions of these rows.
        scores: float64, (m, classes). The score of a class without another row to learn from is -inf.
    """

    rows: np.ndarray
    scores: np.ndarray


def out_of_fold_scores(X: np.ndarray, y: np.ndarray, classes: int) -> OutOfFoldScores:
    """Score every row by a logistic regression that was fitted on the other folds.

    Equal rows are in one fold, because a classifier that was fitted on a copy of a row knows the label of the copy. A
    row is left out if no other row, apart from copies, has its label.

    Args:
        X: numbers, (n, d).
        y: int, (n,): labels below classes.
        classes: number of classes.

    Returns:
        The scores. There are no rows if each class has one row, apart from copies.

    Source:
        https://scikit-learn.org/stable/modules/cross_validation.html#stratifiedgroupkfold
    """
    groups = number_equal_rows(X)
    scores = np.full((len(y), classes), -np.inf)
    scored = np.zeros(len(y), bool)
    for fit, held_out in _divide(y, groups):
        known = np.unique(y[fit])
        if len(known) > 1:
            layer, _ = fit_logistic_regression(X[fit], y[fit], C, SEARCH_TOLERANCE)
            scores[np.ix_(held_out, layer.classes)] = layer.scores(X[held_out])
            scored[held_out] = np.isin(y[held_out], known)
    rows = np.flatnonzero(scored)
    return OutOfFoldScores(rows, scores[rows])


def _divide(y: np.ndarray, groups: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Divide the rows into folds: the rows to fit on, and those that are held out."""
    wanted = FOLDS if len(y) <= MANY else FOLDS_OF_MANY
    folds = min(wanted, int(np.bincount(y).max()), len(np.unique(groups)))
    if folds < 2:
        return []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a class has fewer rows than there are folds
        return list(StratifiedGroupKFold(folds, shuffle=True, random_state=0).split(X=y, y=y, groups=groups))
