"""The picture of the label curve."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from eurosat_transfer.io.atomic import atomic_write
from eurosat_transfer.reporting.drawing_style import default_style
from eurosat_transfer.reporting.palette import classifier_colour

DPI = 110


@default_style()
def draw_label_curve(path: str, summary: Mapping[str, Sequence[Mapping[str, Any]]]) -> Figure:
    """Draw accuracy by number of labels, with one standard deviation of the draws to either side.

    Args:
        path: of the PNG file.
        summary: by classifier: images, mean and sd (None for a single fit), as summarise_label_curve gives them.

    Returns:
        The figure that was saved.
    """
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axis = figure.subplots()
    for name, points in summary.items():
        images, mean, sd = (np.array([point[key] for point in points], float) for key in ("images", "mean", "sd"))
        colour = classifier_colour(name)
        axis.plot(images, mean, marker=".", label=name, color=colour)
        axis.fill_between(images, mean - sd, mean + sd, alpha=0.2, color=colour)  # NaN, and no band, for a single fit
    axis.set(xscale="log", xlabel="labelled training images", ylabel="test accuracy")
    axis.grid(alpha=0.3)
    axis.legend(title="mean, and band: ± 1 standard deviation of the draws", title_fontsize="small")
    with atomic_write(path) as part:
        figure.savefig(part, dpi=DPI, format="png")
    return figure
