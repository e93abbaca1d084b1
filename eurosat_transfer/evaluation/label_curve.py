"""Label curves: test accuracy by number of labelled training images."""

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np


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


def summarise_label_curve(fits: Sequence[Fit]) -> dict[str, list[dict[str, float]]]:
    """Summarise fits over their draws.

    Args:
        fits: sorted by classifier and number of images.

    Returns:
        By classifier, a list in the order of the fits: images; mean, of the accuracies; sd, their standard deviation as
        of a sample, which is 0 for a single draw.
    """
    summary: dict[str, list[dict[str, float]]] = {}
    for (name, images), group in groupby(fits, key=lambda fit: (fit.classifier, fit.images)):
        accuracy = np.array([fit.accuracy for fit in group])
        sd = float(accuracy.std(ddof=1)) if len(accuracy) > 1 else 0.0
        summary.setdefault(name, []).append({"images": images, "mean": float(accuracy.mean()), "sd": sd})
    return summary
