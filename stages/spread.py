"""Spread the labels to images without labels, and classify by a linear classifier that learns from all of them.

Reads   data/features.npz
Writes  metrics/spread.json, plots/spread_predictions.csv, plots/spread_classes.csv

split.unlabelled names the images without labels: none, the rest of the half that train comes from, or
val and test. With test, the classifier has seen the features of the images that it is tested on. Its
figures then hold for these images, and not for new ones.
"""

from functools import partial

from eurosat_transfer.evaluation.results_files import write_results
from eurosat_transfer.features.feature_set import load_features
from eurosat_transfer.models.folds import evaluate_folds
from eurosat_transfer.models.spread import evaluate_spread
from eurosat_transfer.parameters.loading import load_parameters
from eurosat_transfer.parameters.split import Split
from eurosat_transfer.parameters.spread import Spread
from eurosat_transfer.pipeline.stage import run_stage


def main() -> None:
    """Run the stage."""
    features, parameters = load_features(), load_parameters()
    evaluate = partial(evaluate_spread, unlabelled=parameters.section(Split).unlabelled)
    results = evaluate_folds(evaluate, features, parameters.section(Spread))
    print(f"spread: {results.training_labels} images with labels, {results.unlabelled} without")
    write_results("spread", features.classes, features.tested_files, results)


if __name__ == "__main__":
    run_stage(main, __doc__)
