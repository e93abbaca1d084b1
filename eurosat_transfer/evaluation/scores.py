"""Scores of predictions."""

import numpy as np
from scipy.stats import binom
from sklearn.metrics import accuracy_score, f1_score, log_loss

from eurosat_transfer.evaluation.predictions import Prediction

CALIBRATION_BINS = 15  # as in Guo et al., 2017
QUANTILES = (0.025, 0.975)  # of a 95 % interval


def expected_calibration_error(correct: np.ndarray, confidence: np.ndarray, bins: int = CALIBRATION_BINS) -> float:
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


def accuracy_interval(accuracy: float, count: int) -> tuple[float, float]:
    """Compute the 95 % percentile interval of a bootstrap over the images.

    A bootstrap draws n images with replacement, so the number of correct predictions has a binomial distribution. Its
    quantiles are known without drawing.

    Args:
        accuracy: share of correct predictions, 0 to 1.
        count: number of images, 1 or more.

    Returns:
        The lower and the upper end, 0 to 1.

    Source:
        Efron and Tibshirani, 1993, An Introduction to the Bootstrap.
    """
    low, high = binom.ppf(QUANTILES, count, accuracy) / count
    return max(0.0, float(low)), float(high)  # scipy gives -1 images if the accuracy is 0


def score(prediction: Prediction) -> dict[str, float]:
    """Compute the scores of predictions.

    Args:
        prediction: predicted labels, true labels and perhaps probabilities.

    Returns:
        accuracy, 0 to 1; accuracy_low and accuracy_high, its 95 % interval; macro_f1, the mean F1 over the classes that
        are true or predicted for at least one image. If there are probabilities, also log_loss, in nats, and ece, the
        expected calibration error.
    """
    accuracy = float(accuracy_score(prediction.actual, prediction.predicted))
    low, high = accuracy_interval(accuracy, len(prediction.actual))
    scores = {
        "accuracy": accuracy,
        "accuracy_low": low,
        "accuracy_high": high,
        "macro_f1": float(f1_score(prediction.actual, prediction.predicted, average="macro", zero_division=0)),
    }
    if prediction.probabilities is not None:
        probabilities = prediction.probabilities.astype(np.float64)
        probabilities /= probabilities.sum(axis=1, keepdims=True)  # float32 rows sum to 1 within 1e-7 only
        scores["log_loss"] = float(log_loss(prediction.actual, probabilities, labels=range(probabilities.shape[1])))
        scores["ece"] = expected_calibration_error(prediction.correct, probabilities.max(axis=1))
    return scores
