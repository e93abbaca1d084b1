"""Label curves: test accuracy by number of labelled training images."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import t

CONFIDENCE = 0.95

Accuracies = Mapping[int, Mapping[int, float]]  # by number of images, then by draw


class Fit(NamedTuple):
    """The result of one fit of a label curve.

    Attributes:
        classifier: name of the classifier.
        images: number of labelled training images.
        draw: number of the random draw of these images, from 0 on.
        accuracy: on test, 0 to 1.
    """

    classifier: str
    images: int
    draw: int
    accuracy: float


def summarise_label_curve(fits: Sequence[Fit]) -> dict[str, list[dict[str, Any]]]:
    """Summarise fits over their draws.

    Args:
        fits: sorted by classifier and number of images.

    Returns:
        By classifier, a list in the order of the fits: images; draws, the number of fits; mean, of the accuracies; sd,
        their standard deviation as of a sample; se, the standard error of the mean. sd and se are None for a single
        fit. gain compares with at most half as many images: images, their number; mean, low and high, as
        mean_difference gives them. gain is None for sizes without such a smaller size.
    """
    return {name: _summarise(accuracies) for name, accuracies in _group(fits).items()}


def _group(fits: Sequence[Fit]) -> dict[str, dict[int, dict[int, float]]]:
    grouped: dict[str, dict[int, dict[int, float]]] = {}
    for fit in fits:
        grouped.setdefault(fit.classifier, {}).setdefault(fit.images, {})[fit.draw] = fit.accuracy
    return grouped


def _summarise(accuracies: Accuracies) -> list[dict[str, Any]]:
    points = []
    for images, by_draw in accuracies.items():
        values = np.array(list(by_draw.values()))
        several = len(values) > 1
        sd = float(values.std(ddof=1)) if several else None
        half = max((smaller for smaller in accuracies if 2 * smaller <= images), default=None)
        points.append(
            {
                "images": images,
                "draws": len(values),
                "mean": float(values.mean()),
                "sd": sd,
                "se": sd / len(values) ** 0.5 if sd is not None else None,
                "gain": None if half is None else {"images": half} | mean_difference(by_draw, accuracies[half]),
            }
        )
    return points


def mean_difference(first: Mapping[int, float], second: Mapping[int, float]) -> dict[str, float | int | None]:
    """Compute the mean difference between two accuracies over the same draws, with its interval.

    The interval is for the mean over all possible draws from these training images, on these test images. It does not
    say what other test images would give.

    Args:
        first: accuracy by draw.
        second: accuracy by draw. A single fit of one of the two sides is compared with all draws of the other, because
            all training images are the same in every draw.

    Returns:
        draws, the number of differences; mean, of first - second; low and high, the ends of its 95 % interval of
        Student's t distribution. They are None for a single difference.
    """
    draws = sorted(set(first) | set(second))
    differences = np.array([_at(first, draw) - _at(second, draw) for draw in draws])
    mean = float(differences.mean())
    if len(differences) == 1:
        return {"draws": 1, "mean": mean, "low": None, "high": None}
    half_width = t.ppf((1 + CONFIDENCE) / 2, len(differences) - 1) * differences.std(ddof=1) / len(differences) ** 0.5
    return {"draws": len(differences), "mean": mean, "low": mean - float(half_width), "high": mean + float(half_width)}


def _at(accuracies: Mapping[int, float], draw: int) -> float:
    return next(iter(accuracies.values())) if len(accuracies) == 1 else accuracies[draw]


def compare_label_curves(fits: Sequence[Fit]) -> list[dict[str, Any]]:
    """Compare the curves of each two classifiers at each number of images, on the same draws.

    Args:
        fits: sorted by classifier and number of images. The classifiers have the same draws.

    Returns:
        A row for each pair and number of images: first, second, images; draws, mean, low and high, as mean_difference
        gives them. A positive mean is for the first classifier.
    """
    grouped = _group(fits)
    return [
        {"first": first, "second": second, "images": images}
        | mean_difference(grouped[first][images], grouped[second][images])
        for first, second in combinations(grouped, 2)
        for images in grouped[first]
        if images in grouped[second]
    ]
