"""The comparison of two ways to get labels: chosen tiles, and drawn ones."""

from collections.abc import Sequence
from typing import Any

from eurosat_transfer.evaluation.intervals import LEVEL
from eurosat_transfer.evaluation.label_curve import Fit, mean_difference


def compare_choices(fits: Sequence[Fit], first: str, second: str) -> list[dict[str, Any]]:
    """Compare the accuracies of two ways to get labels, at each number of labels.

    The intervals are simultaneous: in 95 % of all experiments, all of them together contain their differences.

    Args:
        fits: whose classifier is the name of one of the ways.
        first: the name of one way.
        second: the name of the other one.

    Returns:
        A row for each number of images: images; draws, mean, low and high, as mean_difference gives them. A positive
        mean is for the first.

    Source:
        Bonferroni's inequality for the simultaneous intervals.
    """
    sizes = sorted({fit.images for fit in fits})
    level = 1 - (1 - LEVEL) / max(len(sizes), 1)
    rows = []
    for size in sizes:
        of_first, of_second = (
            {fit.draw: fit for fit in fits if (fit.classifier, fit.images) == (name, size)} for name in (first, second)
        )
        rows.append({"images": size} | mean_difference(of_first, of_second, level))
    return rows
