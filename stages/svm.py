"""Classify the features by a support vector machine.

Reads   data/features.npz  data/bands.npz, as svm.features says
Writes  metrics/svm.json, plots/svm_predictions.csv, plots/svm_classes.csv

With C: auto, the penalty is chosen by cross-validation on train. The same cross-validation turns the
scores into probabilities (temperature scaling). svm.features chooses the features of the network, the statistics
of the bands, or both, each with the same weight.
"""

from eurosat_transfer.evaluation.results_files import write_results
from eurosat_transfer.features.blocks import load_blocks
from eurosat_transfer.models.folds import evaluate_folds
from eurosat_transfer.models.svm import evaluate_svm
from eurosat_transfer.parameters.loading import load_section
from eurosat_transfer.parameters.svm import Svm
from eurosat_transfer.pipeline.stage import run_stage


def main() -> None:
    """Run the stage."""
    params = load_section(Svm)
    features = load_blocks(params.features)
    results = evaluate_folds(evaluate_svm, features, params)
    write_results("svm", features.classes, features.tested_files, results)


if __name__ == "__main__":
    run_stage(main, __doc__)
