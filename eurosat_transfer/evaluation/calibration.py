"""Calibration: whether confidences are shares of correct predictions."""

from collections.abc import Mapping

import numpy as np

BINS = 15  # as in Guo et al., 2017
DRAWS = 5000  # of a perfectly calibrated model: a limit from 1,000 draws is exceeded in 0.4 to 1.6 % of all cases
LIMIT = 0.99  # quantile of these draws


def expected_calibration_error(correct: np.ndarray, confidence: np.ndarray, bins: int = BINS) -> float:
    """Compute the expected calibration error: how far confidence is from accuracy, in bins of equal width.

    Args:
        correct: bool, (n,), n of 1 or more: which predictions are correct.
        confidence: float, (n,): the probability of the predicted class, 0 to 1.
        bins: number of bins between 0 and 1. A bin contains its lower limit; the last one also contains 1.

    Returns:
        The mean of |accuracy - mean confidence| over the bins, weighted by the number of images, 0 to 1.

    Source:
        Guo et al., 2017, On Calibration of Modern Neural Networks.
    """
    number = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(number, weights=correct.astype(float) - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(correct))


def calibration_noise(confidence: np.ndarray) -> tuple[float, float]:
    """Compute which calibration error a perfectly calibrated model shows by chance.

    The error of such a model is above 0, because the accuracy in a bin of few images is far from the mean confidence.
    The function draws which predictions are correct, each with its confidence as the probability. The seed is fixed.

    The limit is exceeded with a probability of 0.05 divided by five classifiers (Bonferroni's correction). So if five
    classifiers are perfectly calibrated, an error above its limit is found in at most 5 % of all experiments.

    Args:
        confidence: float, (n,), n of 1 or more: the probability of the predicted class, 0 to 1.

    Returns:
        The mean of the calibration errors of the draws, and their 99 % quantile.

    Source:
        Vaicenavicius et al., 2019, Evaluating model calibration in classification.
    """
    rng = np.random.default_rng(0)
    errors = [expected_calibration_error(rng.random(len(confidence)) < confidence, confidence) for _ in range(DRAWS)]
    return float(np.mean(errors)), float(np.quantile(errors, LIMIT))


def describe_calibration(name: str, test: Mapping[str, float]) -> str:
    """Say whether the calibration error of a classifier is more than chance.

    Args:
        name: of the classifier.
        test: its scores on test, with ece, ece_expected and ece_limit.

    Returns:
        One sentence, without a full stop.
    """
    error = f"The calibration error of {name} is {test['ece']:.3f}"
    chance = (
        "what a perfectly calibrated model with the same confidences shows by chance "
        f"({test['ece_expected']:.3f} on average, below {test['ece_limit']:.3f} in 99 % of all draws)"
    )
    if test["ece"] <= test["ece_limit"]:
        return f"{error}, which is within {chance}"
    return f"{error}, which is above {chance}: do not take its confidences for probabilities"
