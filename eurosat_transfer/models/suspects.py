"""Labels that look wrong: the classifier gives them a small out-of-fold probability."""

from typing import NamedTuple

import numpy as np
from scipy.special import softmax
from scipy.stats import poisson

from eurosat_transfer.models.label_noise import fit_label_noise
from eurosat_transfer.models.out_of_fold import out_of_fold_scores

FLAGGED_BELOW = 0.05  # probability of the given label; chosen on draws of EuroSAT that no reported figure is from


class Suspects(NamedTuple):
    """The training rows that could be judged, the most suspicious first.

    Attributes:
        rows: int64, (m,): their positions in train.
        given: int64, (m,): their labels.
        suggested: int64, (m,): the most probable other label.
        of_given: float64, (m,): the out-of-fold probability of the given label.
        of_suggested: float64, (m,): that of the suggested label.
        flagged: bool, (m,): whether the probability of the given label is below FLAGGED_BELOW.
        expected: how many rows would be flagged on average if all labels were correct.
        expected_high: in 97.5 % of such cases, at most this many rows would be flagged.
        noise: the estimated share of wrong labels.
    """

    rows: np.ndarray
    given: np.ndarray
    suggested: np.ndarray
    of_given: np.ndarray
    of_suggested: np.ndarray
    flagged: np.ndarray
    expected: float
    expected_high: int
    noise: float


def find_suspects(X: np.ndarray, y: np.ndarray, classes: int) -> Suspects:
    """Rank training rows by how improbable their labels are.

    Args:
        X: numbers, (n, d).
        y: int, (n,): labels below classes, of two classes or more.
        classes: number of classes.

    Returns:
        The rows that could be judged. A row cannot be if no other row, apart from copies, has its label.
    """
    rows, scores = out_of_fold_scores(X, y, classes)
    given = y[rows]
    if not len(rows):
        nothing = np.empty(0)
        return Suspects(rows, given, given, nothing, nothing, np.empty(0, bool), 0.0, 0, 0.0)
    noise = fit_label_noise(scores, given)
    probabilities = softmax(scores / noise.temperature, axis=1)
    places = np.arange(len(rows))
    others = probabilities.copy()
    others[places, given] = -1
    suggested, of_given = others.argmax(axis=1), probabilities[places, given]
    expected = float((probabilities * (probabilities < FLAGGED_BELOW)).sum())
    order = np.argsort(of_given, kind="stable")
    return Suspects(
        rows[order],
        given[order],
        suggested[order],
        of_given[order],
        probabilities[places, suggested][order],
        of_given[order] < FLAGGED_BELOW,
        expected,
        int(poisson.ppf(0.975, expected)),
        noise.noise * (1 - 1 / classes),
    )
