"""Classify by the nearest training images.

This classifier learns nothing, so it shows how good the features are.

Reads   data/features.npz
Writes  metrics/knn.json, plots/knn_predictions.csv, plots/knn_classes.csv

Of classes with equally many votes, the class of the nearest image is predicted. The votes become
probabilities by temperature scaling, with the neighbours of each training image among the others.
"""

from eurosat_transfer.evaluation.results_files import write_results
from eurosat_transfer.features.feature_set import load_features
from eurosat_transfer.models.folds import evaluate_folds
from eurosat_transfer.models.knn import evaluate_knn
from eurosat_transfer.parameters.knn import Knn
from eurosat_transfer.parameters.loading import load_section
from eurosat_transfer.pipeline.stage import run_stage


def main() -> None:
    """Run the stage."""
    features = load_features()
    results = evaluate_folds(evaluate_knn, features, load_section(Knn))
    write_results("knn", features.classes, features.tested_files, results)


if __name__ == "__main__":
    run_stage(main, __doc__)
