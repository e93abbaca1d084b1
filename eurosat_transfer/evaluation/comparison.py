"""Paired comparison of two classifiers on the same test images."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from scipy.stats import binomtest

from eurosat_transfer.errors import UserError

BOOTSTRAP_DRAWS = 100_000
SMALLEST_PRINTED_P = 1e-12
SIGNIFICANCE = 0.05


def compare_classifiers(predictions: Mapping[str, Sequence[Mapping[str, str]]]) -> dict[str, Any]:
    """Compare every pair of classifiers.

    Args:
        predictions: by classifier, from the cheapest to the most expensive: a row per test image, with the columns
            actual and predicted.

    Returns:
        images: their number. pairs: the result of compare_pair for every pair, the most expensive classifiers first.

    Raises:
        UserError: the classifiers predicted different images.
    """
    actual = {name: [row["actual"] for row in rows] for name, rows in predictions.items()}
    first, *others = actual
    for name in others:
        if actual[name] != actual[first]:
            raise UserError(
                f"plots/{name}_predictions.csv and plots/{first}_predictions.csv have different images; "
                "`dvc repro` computes both from the same ones"
            )
    correct = {
        name: np.array([row["actual"] == row["predicted"] for row in rows]) for name, rows in predictions.items()
    }
    pairs = [compare_pair((a, b), (correct[a], correct[b])) for a, b in combinations(reversed(list(predictions)), 2)]
    return {"images": len(actual[first]), "pairs": pairs}


def compare_pair(names: tuple[str, str], correct: tuple[np.ndarray, np.ndarray]) -> dict[str, Any]:
    """Compare two classifiers by a paired bootstrap and by McNemar's exact test.

    A bootstrap draws n images with replacement. Three counts then have a multinomial distribution: the images that only
    the first classifier predicts correctly, those that only the second one does, and all others. So this function draws
    the counts, not the images. The interval is the same for the same counts, because the seed is fixed.

    McNemar's test is a binomial test on the images that exactly one classifier predicts correctly. If both are equally
    good, each of these images is equally likely to be one of the first classifier.

    Args:
        names: of the two classifiers.
        correct: for each classifier, which predictions are correct: bool, (n,), n of 1 or more.

    Returns:
        better, worse: the names, with the more accurate classifier first (if they are equal, in the given order).
        difference: of the accuracies, 0 to 1.
        low, high: the 95 % interval of the difference, -1 to 1.
        only_better, only_worse: numbers of images that only this classifier predicts correctly.
        p_value: two-sided, 0 to 1; 1 if both classifiers are correct on the same images.
        words: one sentence, see describe_pair.

    Source:
        Efron and Tibshirani, 1993, An Introduction to the Bootstrap.
        McNemar, 1947, Note on the sampling error of the difference between correlated proportions, Psychometrika 12.
    """
    if correct[0].sum() < correct[1].sum():
        names, correct = names[::-1], correct[::-1]
    count = len(correct[0])
    only = [int((correct[i] & ~correct[1 - i]).sum()) for i in (0, 1)]
    shares = np.array([*only, count - sum(only)]) / count
    drawn = np.random.default_rng(0).multinomial(count, shares, BOOTSTRAP_DRAWS)
    low, high = np.quantile(drawn[:, 0] - drawn[:, 1], [0.025, 0.975], method="nearest") / count
    figures = {
        "better": names[0],
        "worse": names[1],
        "difference": (only[0] - only[1]) / count,
        "low": float(low),
        "high": float(high),
        "only_better": only[0],
        "only_worse": only[1],
        "p_value": float(binomtest(min(only), sum(only)).pvalue) if sum(only) else 1.0,
    }
    return figures | {"words": describe_pair(figures)}


def describe_pair(figures: Mapping[str, Any]) -> str:
    """Describe in one sentence whether a difference is significant.

    The interval says so if it lies above 0, and the test if p is below 0.05. With few images they can disagree.

    Args:
        figures: as compare_pair returns them, without words.

    Returns:
        The sentence, without a full stop.
    """
    p = f"= {figures['p_value']:.2g}" if figures["p_value"] > SMALLEST_PRINTED_P else f"< {SMALLEST_PRINTED_P:g}"
    evidence = f"95 % interval {figures['low']:.3f} to {figures['high']:.3f}, McNemar p {p}"
    by_interval, by_test = figures["low"] > 0, figures["p_value"] < SIGNIFICANCE
    if by_interval and by_test:
        return f"{figures['better']} is better than {figures['worse']} by {figures['difference']:.3f} ({evidence})"
    if by_interval or by_test:
        return (
            f"{figures['better']} may be better than {figures['worse']} by {figures['difference']:.3f}: "
            f"of the interval and the test only one says so ({evidence})"
        )
    return (
        f"{figures['better']} and {figures['worse']} cannot be told apart: "
        f"they differ by {figures['difference']:.3f} ({evidence})"
    )
