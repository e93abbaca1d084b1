"""Prediction sets: the classes that an image may have, at a stated coverage (split conformal prediction).

MAPIE and crepes compute the same sets. Here they are a sort and a comparison, so no dependency is added for them.

All functions round probabilities to float32 first, because a saved model gives float32. An image that is in both
calibration and prediction then gets the same score, to the last bit. But two programs round differently: the scores of
the calibration images must come from the probabilities of the model that predicts later.
"""

import math
from fractions import Fraction

import numpy as np
from scipy.special import betaincinv

from eurosat_transfer.errors import UserError


def conformal_scores(probabilities: np.ndarray, actual: np.ndarray) -> np.ndarray:
    """Compute how unexpected the true class of each calibration image is: 1 - its probability (the LAC score).

    Args:
        probabilities: float, (n, classes): of images that the classifier was not trained on.
        actual: int, (n,): true labels.

    Returns:
        float64, (n,), 0 to 1, sorted.

    Source:
        Sadinle et al., 2019, Least Ambiguous Set-Valued Classifiers with Bounded Error Levels, JASA 114.
    """
    return np.sort(_scores(probabilities)[np.arange(len(actual)), actual])


def score_threshold(scores: np.ndarray, coverage: float) -> float:
    """Find the largest score that a class in a prediction set may have.

    For exchangeable images, the set of a new image contains the true class with a probability of at least coverage.

    Args:
        scores: float64, (n,), sorted: of the calibration images.
        coverage: above 0, below 1.

    Returns:
        The ceil((n + 1) * coverage)-th smallest score.

    Raises:
        UserError: coverage is not between 0 and 1, or there are too few calibration images for it.

    Source:
        Vovk et al., 2005, Algorithmic Learning in a Random World. Angelopoulos and Bates, 2023, Conformal Prediction: A
        Gentle Introduction.
    """
    return float(scores[_rank(len(scores), coverage) - 1])


def prediction_sets(probabilities: np.ndarray, threshold: float) -> np.ndarray:
    """Select the classes whose score is at most the threshold.

    Args:
        probabilities: float, (n, classes).
        threshold: from score_threshold.

    Returns:
        bool, (n, classes): the classes in the set of each image. A set can be empty, or contain all classes.
    """
    return _scores(probabilities) <= threshold


def is_unsure(sets: np.ndarray) -> np.ndarray:
    """Find the images whose set does not have exactly one class.

    Args:
        sets: bool, (n, classes).

    Returns:
        bool, (n,).
    """
    return sets.sum(axis=1) != 1


def coverage_range(count: int, coverage: float, level: float = 0.95) -> tuple[float, float]:
    """Compute how far the coverage on many images can be from the stated one, because the calibration set is small.

    The stated coverage is the mean over all calibration sets of this size. For one of them, and scores without ties,
    the coverage has a Beta distribution.

    Args:
        count: number of calibration images.
        coverage: above 0, below 1.
        level: the share of all calibration sets whose coverage is in the range.

    Returns:
        The lower and the upper end, 0 to 1.

    Raises:
        UserError: as score_threshold.

    Source:
        Vovk, 2012, Conditional validity of inductive conformal predictors.
    """
    rank = _rank(count, coverage)
    low, high = betaincinv(rank, count + 1 - rank, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _scores(probabilities: np.ndarray) -> np.ndarray:
    """Compute the score of every class: float64, in which 1 - p does not round two different float32 p to one score."""
    return 1.0 - np.asarray(probabilities, np.float32).astype(np.float64)


def _rank(count: int, coverage: float) -> int:
    if not 0 < coverage < 1:
        raise UserError(f"a coverage of {coverage} is not possible; allowed: above 0 and below 1, for example 0.9")
    exact = Fraction(str(coverage))  # in floating point, ceil(100 * 0.55) is 56
    rank = math.ceil((count + 1) * exact)
    if rank > count:
        needed = math.ceil(exact / (1 - exact))
        raise UserError(
            f"{count} calibration images are too few for a coverage of {coverage}; "
            f"allowed: {needed} or more; set split.val to at least {needed}, or choose a lower coverage"
        )
    return rank
