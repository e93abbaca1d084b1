"""Classify the raw pixels by a support vector machine: the baseline that every network must beat.

Reads   data/pixels.npz
Writes  metrics/pixels.json, plots/pixels_predictions.csv, plots/pixels_classes.csv
"""

from eurosat_transfer.evaluation.results_files import write_results
from eurosat_transfer.features.feature_set import PIXELS_FILE, load_features
from eurosat_transfer.models.folds import evaluate_folds
from eurosat_transfer.models.pixels import evaluate_pixels
from eurosat_transfer.parameters.loading import load_section
from eurosat_transfer.parameters.pixels import Pixels
from eurosat_transfer.pipeline.stage import run_stage


def main() -> None:
    """Run the stage."""
    pixels = load_features(PIXELS_FILE)
    results = evaluate_folds(evaluate_pixels, pixels, load_section(Pixels))
    write_results("pixels", pixels.classes, pixels.tested_files, results)


if __name__ == "__main__":
    run_stage(main, __doc__)
