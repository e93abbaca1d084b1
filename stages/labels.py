"""Compare the label curves of svm, probe, spread and bands: how much more labels help.

Reads   data/bands_labels.npz, data/probe_labels.npz, data/spread_labels.npz, data/svm_labels.npz
Writes  plots/labels.csv          classifier, images, draw, accuracy; one row per fit
        metrics/labels.json       mean, sd and standard error of the test accuracy over the draws, by
                                  classifier and number of images, and the gain over half as many
                                  with its interval over the draws and the test images
        metrics/label_pairs.json  the differences between the classifiers on the same draws, with
                                  simultaneous intervals over the draws and the test images
        plots/labels.png
"""

from collections.abc import Mapping
from typing import Any

from eurosat_transfer.evaluation.curve_files import read_curve
from eurosat_transfer.evaluation.label_curve import compare_label_curves, summarise_label_curve, write_fits
from eurosat_transfer.io.json_files import write_json
from eurosat_transfer.pipeline.stage import run_stage
from eurosat_transfer.reporting.label_curve_picture import draw_label_curve


def main() -> None:
    """Run the stage."""
    fits = [
        *read_curve("bands"),
        *read_curve("probe"),
        *read_curve("spread"),
        *read_curve("svm"),
    ]
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
