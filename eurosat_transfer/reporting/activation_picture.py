"""The picture of training losses, sigmoid against ReLU."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np

from eurosat_transfer.io.atomic import atomic_write
from eurosat_transfer.reporting.palette import activation_colour

DPI = 110


def draw_losses(path: str, losses: Mapping[str, Mapping[str, list[float]]], steps: int, converged: float) -> None:
    """Draw the training losses, one panel per network.

    Args:
        path: of the PNG file.
        losses: mean training loss of each epoch, by network, by activation.
        steps: iterations per epoch.
        converged: the loss at which a network has converged.
    """
    figure, axes = plt.subplots(1, len(losses), figsize=(10, 4), sharey=True, layout="constrained")
    for axis, (network, curves) in zip(axes, losses.items(), strict=True):
        for activation, curve in curves.items():
            colour = activation_colour(activation)
            axis.plot(np.arange(1, len(curve) + 1) * steps, curve, marker=".", label=activation, color=colour)
        axis.axhline(converged, color="grey", linestyle=":", label=f"converged: {converged:g}")
        axis.set(title=network, xlabel="iterations", ylabel="training loss" if axis is axes[0] else None, yscale="log")
        axis.legend()
    with atomic_write(path) as part:
        figure.savefig(part, dpi=DPI, format="png")
