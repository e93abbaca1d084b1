"""Label curves of all classifiers, each with the accuracy of the results table as its last point."""

from collections.abc import Mapping
from typing import Any

from eurosat_transfer.evaluation.label_curve import Fit, summarise_label_curve
from eurosat_transfer.reporting.results import Rows, RunResults


def join_label_curves(results: RunResults) -> dict[str, Rows]:
    """Collect the label curves of the stage labels and of the classifiers that fit subsets in their own stage.

    The last point of each curve is the test accuracy in metrics/NAME.json, on as many labels as that classifier had. So
    one classifier with one set of labels has one accuracy on a page. If the stage labels has another accuracy for as
    many labels, because it fitted them differently, its point and its gain are left out.

    Args:
        results: results of the run.

    Returns:
        By classifier with two points or more, the best one first, a row per number of labels, in increasing order, as
        eurosat_transfer.evaluation.label_curve.summarise_label_curve returns them.
    """
    curves = {}
    for name, metrics in results.metrics.items():
        last = Fit(name, metrics["training_labels"], 0, metrics["test"]["accuracy"])
        fits = [Fit(name, int(fit["images"]), 0, fit["accuracy"]) for fit in results.subset_fits.get(name, ())]
        points = [
            *results.labels.get(name, ()),
            *(summarise_label_curve([*fits, last])[name] if fits else ()),
        ]
        fewer = [point for point in points if point["images"] < last.images]
        same = [point for point in points if (point["images"], point["mean"]) == (last.images, last.accuracy)]
        if fewer:
            curves[name] = [*fewer, *(same or summarise_label_curve([last])[name])]
    return curves


def tabulate_label_curves(curves: Mapping[str, Rows]) -> list[tuple[int, list[dict[str, Any] | None]]]:
    """Arrange label curves as a table.

    Args:
        curves: by classifier, as join_label_curves returns them.

    Returns:
        By number of labels, in increasing order: the point of each classifier, None where it has none.
    """
    by_images = [{point["images"]: point for point in points} for points in curves.values()]
    sizes = sorted(set().union(*by_images))
    return [(size, [points.get(size) for points in by_images]) for size in sizes]
