"""Measure how much more labels help: svm, probe and spread on growing subsets of the training features.

Reads   data/features.npz
Writes  plots/labels.csv          classifier, images, draw, accuracy; one row per fit
        metrics/labels.json       mean, sd and standard error of the test accuracy over the draws, by
                                  classifier and number of images, and the gain over half as many
                                  with its interval over the draws and the test images
        metrics/label_pairs.json  the differences between the classifiers on the same draws, with
                                  simultaneous intervals over the draws and the test images
        plots/labels.png

Each draw orders the training images at random and takes the first n of every class, so that a
larger subset contains the smaller ones. All training images are fitted once. With C: auto, the
penalty is chosen for each subset, by cross-validation on its own labels. With probe.solver: sgd,
the probe has no curve. For spread, the training images outside a subset are images without labels,
unless split.unlabelled is none.
"""

from collections.abc import Mapping
from typing import Any

from eurosat_transfer.evaluation.label_curve import compare_label_curves, summarise_label_curve, write_fits
from eurosat_transfer.features.feature_set import load_features
from eurosat_transfer.io.json_files import write_json
from eurosat_transfer.models.label_curve import CurveParameters, fit_label_curve
from eurosat_transfer.parameters.labels import Labels
from eurosat_transfer.parameters.loading import load_parameters
from eurosat_transfer.parameters.probe import Probe
from eurosat_transfer.parameters.split import Split
from eurosat_transfer.parameters.spread import Spread
from eurosat_transfer.parameters.svm import Svm
from eurosat_transfer.pipeline.stage import run_stage
from eurosat_transfer.reporting.label_curve_picture import draw_label_curve


def main() -> None:
    """Run the stage."""
    parameters = load_parameters()
    params = CurveParameters(
        labels=parameters.section(Labels),
        svm=parameters.section(Svm),
        probe=parameters.section(Probe),
        spread=parameters.section(Spread),
        unlabelled=parameters.section(Split).unlabelled,
    )
    fits = fit_label_curve(load_features(), params)
    summary = summarise_label_curve(fits)
    write_fits("plots/labels.csv", fits)
    write_json("metrics/labels.json", summary)
    write_json("metrics/label_pairs.json", {"pairs": compare_label_curves(fits)})
    draw_label_curve("plots/labels.png", summary)
    for name, points in summary.items():
        print(f"{name}: test accuracy (sd and se: standard deviation of the draws, standard error of the mean)")
        for point in points:
            print(_format(point))


def _format(point: Mapping[str, Any]) -> str:
    several = point["sd"] is not None
    spread = f" (sd {point['sd']:.3f}, se {point['se']:.3f}, {point['draws']} draws)" if several else ""
    return f"    {point['images']:6} images  {point['mean']:.3f}{spread}"


if __name__ == "__main__":
    run_stage(main, __doc__)
