"""Scores of predictions."""

import numpy as np
from sklearn.metrics import f1_score, log_loss

from eurosat_transfer.evaluation.calibration import calibration_noise, expected_calibration_error
from eurosat_transfer.evaluation.intervals import wilson_interval
from eurosat_transfer.evaluation.predictions import Prediction


def score(prediction: Prediction) -> dict[str, float]:
    """Compute the scores of predictions.

    Args:
        prediction: true labels, predicted labels and probabilities.

    Returns:
        accuracy: 0 to 1.
        accuracy_low, accuracy_high: its 95 % interval.
        macro_f1: the mean F1 over the classes that have images, 0 to 1.
        log_loss: in nats.
        brier: the mean over the images of the squared differences between probability and truth, summed over the
            classes: 0 to 2. Many texts divide it by 2 if there are two classes.
        ece: the expected calibration error, 0 to 1.
        ece_expected, ece_limit: the mean and the 99 % quantile of the calibration errors that a perfectly calibrated
            model with the same confidences shows by chance.

    Source:
        Brier, 1950, Verification of forecasts expressed in terms of probability, Monthly Weather Review 78.
    """
    probabilities = prediction.probabilities.astype(np.float64)
    probabilities /= probabilities.sum(axis=1, keepdims=True)  # float32 rows sum to 1 within 1e-7 only
    prediction = prediction._replace(probabilities=probabilities)
    actual, predicted = prediction.actual, prediction.predicted
    correct, confidence = prediction.correct, prediction.confidence
    count = probabilities.shape[1]
    low, high = wilson_interval(int(correct.sum()), len(actual))
    expected, limit = calibration_noise(confidence)
    return {
        "accuracy": prediction.accuracy,
        "accuracy_low": float(low),
        "accuracy_high": float(high),
        "macro_f1": float(f1_score(actual, predicted, labels=np.unique(actual), average="macro", zero_division=0)),
        "log_loss": float(log_loss(actual, probabilities, labels=range(count))),
        "brier": float(np.square(probabilities - np.eye(count)[actual]).sum(axis=1).mean()),
        "ece": expected_calibration_error(correct, confidence),
        "ece_expected": expected,
        "ece_limit": limit,
    }
