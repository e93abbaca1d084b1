"""The picture of training losses, sigmoid against ReLU."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from matplotlib.figure import Figure

from eurosat_transfer.io.atomic import atomic_write
from eurosat_transfer.reporting.drawing_style import default_style
from eurosat_transfer.reporting.palette import activation_colour

DPI = 110


@default_style()
def draw_losses(path: str, curves: Sequence[Mapping[str, Any]], converged: float) -> Figure:
    """Draw the training losses at the best learning rates, one panel per network and one line per seed.

    Args:
        path: of the PNG file.
        curves: a row per epoch, sorted by network, activation and seed: network, activation, rate, seed, iteration,
            loss (mean training loss of the epoch).
        converged: the loss at which a network has converged.

    Returns:
        The figure that was saved.
    """
    networks = list(dict.fromkeys(row["network"] for row in curves))
    figure = Figure(figsize=(10, 4), layout="constrained")
    panels = figure.subplots(1, len(networks), sharey=True, squeeze=False)
    for axis, network in zip(panels[0], networks, strict=True):
        rows = [row for row in curves if row["network"] == network]
        labelled = set()
        for (activation, rate, _), points in groupby(rows, lambda row: (row["activation"], row["rate"], row["seed"])):
            x, y = zip(*((point["iteration"], point["loss"]) for point in points), strict=True)
            label = None if activation in labelled else f"{activation}, learning rate {rate:g}"
            axis.plot(x, y, marker=".", markersize=3, alpha=0.6, color=activation_colour(activation), label=label)
            labelled.add(activation)
        axis.axhline(converged, color="grey", linestyle=":", label=f"converged: {converged:g}")
        axis.set(title=network, xlabel="iterations (one line per seed)", xscale="log", yscale="log")
        axis.legend()
    panels[0][0].set_ylabel("training loss")
    with atomic_write(path) as part:
        figure.savefig(part, dpi=DPI, format="png")
    return figure
