"""Label curves: test accuracy by number of labelled training images."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from eurosat_transfer.evaluation.crossed_interval import crossed_interval
from eurosat_transfer.evaluation.intervals import LEVEL
from eurosat_transfer.io.csv_files import write_csv


class Fit(NamedTuple):
    """The result of one fit of a label curve.

    Attributes:
        classifier: name of the classifier.
        images: number of labelled training images.
        draw: number of the random draw of these images, from 0 on.
        accuracy: on test, 0 to 1.
        correct: bool, (test images,): whether each prediction is correct. None if only the accuracy is known.
    """

    classifier: str
    images: int
    draw: int
    accuracy: float
    correct: np.ndarray | None = None


Fits = Mapping[int, Mapping[int, Fit]]  # of one classifier: by number of images, then by draw


def write_fits(path: str, fits: Sequence[Fit]) -> None:
    """Write a CSV file with a row per fit: classifier, images, draw, accuracy.

    Args:
        path: of the file.
        fits: in the order of the rows.
    """
    columns = [field for field in Fit._fields if field != "correct"]
    write_csv(path, columns, (fit[: len(columns)] for fit in fits))


def summarise_label_curve(fits: Sequence[Fit]) -> dict[str, list[dict[str, Any]]]:
    """Summarise fits over their draws.

    Args:
        fits: sorted by classifier and number of images.

    Returns:
        By classifier, a list in the order of the fits: images; draws, the number of fits; mean, of the accuracies; sd,
        their standard deviation as of a sample; se, the standard error of the mean over the draws. sd and se are None
        for a single fit. gain compares with at most half as many images: images, their number; draws, mean, low and
        high, as mean_difference gives them. gain is None for sizes without such a smaller size.
    """
    return {name: _summarise(of_classifier) for name, of_classifier in _group(fits).items()}


def _group(fits: Sequence[Fit]) -> dict[str, dict[int, dict[int, Fit]]]:
    grouped: dict[str, dict[int, dict[int, Fit]]] = {}
    for fit in fits:
        grouped.setdefault(fit.classifier, {}).setdefault(fit.images, {})[fit.draw] = fit
    return grouped


def _summarise(fits: Fits) -> list[dict[str, Any]]:
    points = []
    for images, by_draw in fits.items():
        values = np.array([fit.accuracy for fit in by_draw.values()])
        several = len(values) > 1
        sd = float(values.std(ddof=1)) if several else None
        half = max((smaller for smaller in fits if 2 * smaller <= images), default=None)
        points.append(
            {
                "images": images,
                "draws": len(values),
                "mean": float(values.mean()),
                "sd": sd,
                "se": sd / len(values) ** 0.5 if sd is not None else None,
                "gain": None if half is None else {"images": half} | mean_difference(by_draw, fits[half]),
            }
        )
    return points


def mean_difference(
    first: Mapping[int, Fit], second: Mapping[int, Fit], level: float = LEVEL
) -> dict[str, float | int | None]:
    """Compute the mean difference between the accuracies of two fits over the same draws, with its interval.

    The interval is for the mean over all possible draws from these training images, and over all possible test images.
    It does not say what other training images would give.

    Args:
        first: fit by draw.
        second: fit by draw. A single fit of one of the two sides is compared with all draws of the other, because all
            training images are the same in every draw.
        level: of the interval, between 0 and 1.

    Returns:
        draws, the number of differences; mean, of first - second; low and high, the ends of the interval of
        eurosat_transfer.evaluation.crossed_interval. With a single difference, the interval is over the test images
        only. low and high are None if a fit does not say which predictions are correct.
    """
    pairs = [(_at(first, draw), _at(second, draw)) for draw in sorted(set(first) | set(second))]
    mean = float(np.mean([one.accuracy - other.accuracy for one, other in pairs]))
    low, high = None, None
    correct = [(one.correct, other.correct) for one, other in pairs]
    known = [(one.astype(int), other.astype(int)) for one, other in correct if one is not None and other is not None]
    if len(known) == len(pairs):
        low, high = crossed_interval(np.array([one - other for one, other in known]), level)
    return {"draws": len(pairs), "mean": mean, "low": low, "high": high}


def _at(fits: Mapping[int, Fit], draw: int) -> Fit:
    return next(iter(fits.values())) if len(fits) == 1 else fits[draw]


def compare_label_curves(fits: Sequence[Fit]) -> list[dict[str, Any]]:
    """Compare the curves of each two classifiers at each number of images, on the same draws.

    The intervals are simultaneous: in 95 % of all experiments, all of them together contain their differences.

    Args:
        fits: sorted by classifier and number of images. The classifiers have the same draws.

    Returns:
        A row for each pair and number of images: first, second, images; draws, mean, low and high, as mean_difference
        gives them. A positive mean is for the first classifier. low and high are None for a single draw, such as that
        of all training images: metrics/compare.json compares the classifiers that are fitted on these.

    Source:
        Bonferroni's inequality for the simultaneous intervals.
    """
    grouped = _group(fits)
    compared = [
        (first, second, images)
        for first, second in combinations(grouped, 2)
        for images in grouped[first]
        if images in grouped[second]
    ]
    several = [len(grouped[first][images]) > 1 for first, _, images in compared]
    level = 1 - (1 - LEVEL) / max(sum(several), 1)
    return [
        {"first": first, "second": second, "images": images}
        | mean_difference(grouped[first][images], grouped[second][images], level)
        | ({} if has_interval else {"low": None, "high": None})
        for (first, second, images), has_interval in zip(compared, several, strict=True)
    ]
