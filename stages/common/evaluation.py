"""How well predictions agree with the truth: the same figures and files for every classifier."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import binom
from sklearn.metrics import accuracy_score, classification_report, f1_score

from stages.common.files import write_csv, write_json


def score(actual: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """Score predicted labels.

    The interval holds 95 % of what a bootstrap over the images gives: drawing n of them with replacement makes the
    number of right answers binomial, so its quantiles are known without drawing (Efron and Tibshirani, 1993).

    Args:
        actual, predicted: int, (n,), n of 1 or more.

    Returns:
        accuracy, accuracy_low, accuracy_high, macro_f1: shares from 0 to 1.
    """
    accuracy = float(accuracy_score(actual, predicted))
    count = len(actual)
    low, high = binom.ppf([0.025, 0.975], count, accuracy) / count
    macro_f1 = f1_score(actual, predicted, average="macro", zero_division=0)
    return {
        "accuracy": accuracy,
        "accuracy_low": max(0.0, float(low)),
        "accuracy_high": float(high),
        "macro_f1": float(macro_f1),
    }


def report(
    stage: str, classes: Sequence[str], val: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray]
) -> None:
    """Write a classifier's metrics, its test predictions and its scores per class; print a summary.

    metrics/<stage>.json, plots/<stage>_predictions.csv (actual, predicted), plots/<stage>_classes.csv (class,
    precision, recall, f1, images).

    Args:
        classes: names by label.
        val, test: (actual, predicted), int, (n,) each.
    """
    scores = {"val": score(*val), "test": score(*test)}
    write_json(f"metrics/{stage}.json", scores)
    rows = ((classes[actual], classes[predicted]) for actual, predicted in zip(*test, strict=True))
    write_csv(f"plots/{stage}_predictions.csv", ("actual", "predicted"), rows)
    options = {"labels": range(len(classes)), "target_names": classes, "zero_division": 0}
    details = classification_report(*test, output_dict=True, **options)
    keys = ("precision", "recall", "f1-score", "support")
    write_csv(
        f"plots/{stage}_classes.csv",
        ("class", "precision", "recall", "f1", "images"),
        ([name, *(details[name][key] for key in keys)] for name in classes),
    )
    print(classification_report(*test, **options))
    test_scores = scores["test"]
    interval = f"{test_scores['accuracy_low']:.3f} to {test_scores['accuracy_high']:.3f}"
    print(f"{stage}: val accuracy {scores['val']['accuracy']:.3f}, test {test_scores['accuracy']:.3f} ({interval})")
