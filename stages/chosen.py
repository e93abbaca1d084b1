"""Measure what the choice of tiles is worth: label them by the rule of `suggest`, or at random.

Reads   data/features.npz
Writes  plots/chosen.csv      classifier (chosen or drawn), images, draw, accuracy; one row per fit
        metrics/chosen.json   chosen, drawn: mean, sd and standard error of the test accuracy of an SVM,
                              by number of images; differences: chosen minus drawn, with simultaneous
                              intervals over the draws and the test images
        plots/chosen.png

The labels of train are hidden. The rule of `python -m eurosat_transfer suggest` buys some of them in
rounds: first typical tiles, then those that a model is unsure of. Drawn tiles are drawn from all of
train, because who draws a tile does not know its class. The sizes are labels.sizes times the number
of classes, up to half of train and up to 640. labels.draws is the number of draws.
"""

from typing import Any

from eurosat_transfer.evaluation.label_choices import compare_choices
from eurosat_transfer.evaluation.label_curve import summarise_label_curve, write_fits
from eurosat_transfer.features.feature_set import load_features
from eurosat_transfer.io.json_files import write_json
from eurosat_transfer.models.chosen_labels import CHOSEN, DRAWN, fit_chosen_labels
from eurosat_transfer.parameters.labels import Labels
from eurosat_transfer.parameters.loading import load_section
from eurosat_transfer.pipeline.stage import run_stage
from eurosat_transfer.reporting.label_curve_picture import draw_label_curve


def main() -> None:
    """Run the stage."""
    fits = fit_chosen_labels(load_features(), load_section(Labels))
    summary: dict[str, list[dict[str, Any]]] = {CHOSEN: [], DRAWN: []}
    summary |= summarise_label_curve(fits)
    differences = compare_choices(fits, CHOSEN, DRAWN)
    write_fits("plots/chosen.csv", fits)
    write_json("metrics/chosen.json", summary | {"differences": differences})
    draw_label_curve("plots/chosen.png", {name: points for name, points in summary.items() if points})
    for chosen, row in zip(summary[CHOSEN], differences, strict=True):
        print(f"{row['images']:6} images  {chosen['mean']:.3f} chosen, {chosen['mean'] - row['mean']:.3f} drawn")


if __name__ == "__main__":
    run_stage(main, __doc__)
