"""How well predictions agree with the truth: the same figures and files for every classifier."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import binom
from sklearn.metrics import accuracy_score, classification_report, f1_score, log_loss

from stages.common.files import write_csv, write_json

BINS = 15  # of the calibration error, as in Guo et al., 2017


class Prediction(NamedTuple):
    """What a classifier said of n images, and the truth."""

    actual: np.ndarray  # int64, (n,), n of 1 or more
    predicted: np.ndarray  # int64, (n,)
    probabilities: np.ndarray | None = None  # float, (n, classes), each row's sum 1; None: the classifier has none


def most_probable(actual: np.ndarray, probabilities: np.ndarray) -> Prediction:
    """Predict the most probable class; probabilities: float, (n, classes)."""
    return Prediction(actual, probabilities.argmax(axis=1), probabilities)


def calibration_error(right: np.ndarray, confidence: np.ndarray, bins: int = BINS) -> float:
    """Expected calibration error: how far confidence is from accuracy, over bins of equal width (Guo et al., 2017).

    Args:
        right: bool, (n,).
        confidence: float, (n,), probability of the predicted class.

    Returns:
        The mean of |accuracy - mean confidence| of the bins, weighted by their images; 0 to 1.
    """
    number = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(number, weights=right.astype(float) - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(right))


def score(said: Prediction) -> dict[str, float]:
    """Score predictions.

    The interval holds 95 % of what a bootstrap over the images gives: drawing n of them with replacement makes the
    number of right answers binomial, so its quantiles are known without drawing (Efron and Tibshirani, 1993).

    Returns:
        accuracy, accuracy_low, accuracy_high, macro_f1: shares from 0 to 1; and where there are probabilities
        log_loss (nats) and ece (expected calibration error).
    """
    accuracy = float(accuracy_score(said.actual, said.predicted))
    count = len(said.actual)
    low, high = binom.ppf([0.025, 0.975], count, accuracy) / count
    figures = {
        "accuracy": accuracy,
        "accuracy_low": max(0.0, float(low)),
        "accuracy_high": float(high),
        "macro_f1": float(f1_score(said.actual, said.predicted, average="macro", zero_division=0)),
    }
    if said.probabilities is not None:
        probabilities = said.probabilities.astype(np.float64)
        probabilities /= probabilities.sum(axis=1, keepdims=True)  # float32 sums to 1 within 1e-7 only
        figures["log_loss"] = float(log_loss(said.actual, probabilities, labels=range(probabilities.shape[1])))
        figures["ece"] = calibration_error(said.actual == said.predicted, probabilities.max(axis=1))
    return figures


def report(
    stage: str, classes: Sequence[str], val: Prediction, test: Prediction, chosen: Mapping[str, float] | None = None
) -> None:
    """Write a classifier's metrics, its test predictions and its scores per class; print a summary.

    metrics/<stage>.json (val, test, and chosen where there is something), plots/<stage>_predictions.csv (actual,
    predicted, confidence where there are probabilities; one row a test image), plots/<stage>_classes.csv (class,
    precision, recall, f1, images).

    Args:
        classes: names by label.
        chosen: parameters that were chosen on val.
    """
    scores = {"val": score(val), "test": score(test)}
    write_json(f"metrics/{stage}.json", scores | ({"chosen": dict(chosen)} if chosen else {}))
    columns = {
        "actual": [classes[label] for label in test.actual],
        "predicted": [classes[label] for label in test.predicted],
    }
    if test.probabilities is not None:
        columns["confidence"] = test.probabilities.max(axis=1).tolist()
    write_csv(f"plots/{stage}_predictions.csv", tuple(columns), zip(*columns.values(), strict=True))
    labels = {"labels": range(len(classes)), "target_names": classes, "zero_division": 0}
    details = classification_report(test.actual, test.predicted, output_dict=True, **labels)
    keys = ("precision", "recall", "f1-score", "support")
    write_csv(
        f"plots/{stage}_classes.csv",
        ("class", "precision", "recall", "f1", "images"),
        ([name, *(details[name][key] for key in keys)] for name in classes),
    )
    print(classification_report(test.actual, test.predicted, **labels))
    test_scores = scores["test"]
    interval = f"{test_scores['accuracy_low']:.3f} to {test_scores['accuracy_high']:.3f}"
    if chosen:
        print("chosen on val:", ", ".join(f"{name} {value:g}" for name, value in chosen.items()))
    print(f"{stage}: val accuracy {scores['val']['accuracy']:.3f}, test {test_scores['accuracy']:.3f} ({interval})")
