"""The picture of t-SNE projections, side by side."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from eurosat_transfer.evaluation.embedding import NEIGHBOURS
from eurosat_transfer.io.atomic import atomic_write
from eurosat_transfer.reporting.class_names import name_entries, picture_names, plain_text
from eurosat_transfer.reporting.drawing_style import default_style
from eurosat_transfer.reporting.palette import class_colours

DPI = 110
LEGEND_ROWS = 26  # that fit beside the projections


@default_style()
def draw_projections(
    path: str,
    points: Mapping[str, np.ndarray],
    y: np.ndarray,
    classes: Sequence[str],
    agreement: Mapping[str, float],
) -> Figure:
    """Draw projections, coloured by class, with a legend.

    Args:
        path: of the PNG file.
        points: float, (n, 2), by name of the projection.
        y: int64, (n,), labels.
        classes: names by label.
        agreement: share of nearest neighbours of one class, by name of the projection.

    Returns:
        The figure that was saved.
    """
    colours = class_colours(classes)
    with plain_text(classes):
        columns = -(-len(classes) // LEGEND_ROWS)
        figure = Figure(figsize=(6.5 * len(points) + 1.8 * (columns - 1), 5.6), layout="constrained")
        [axes] = figure.subplots(1, len(points), squeeze=False)
        for axis, (name, xy) in zip(axes, points.items(), strict=True):
            marks = [
                axis.scatter(*xy[y == label].T, s=14, color=colour, linewidths=0)
                for label, colour in enumerate(colours)
            ]
            axis.set_title(f"{name}: {agreement[name]:.0%} of the {NEIGHBOURS} nearest are of one class")
            axis.set_xticks([])
            axis.set_yticks([])
        numbers = list(map(str, range(len(classes))))
        legend = figure.legend(marks, numbers, loc="outside right center", ncols=columns, markerscale=2, frameon=False)
        name_entries(legend, picture_names(classes, path))
        with atomic_write(path) as part:
            figure.savefig(part, dpi=DPI, format="png")
    return figure
