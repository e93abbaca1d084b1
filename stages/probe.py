"""Classify the features by a linear probe: one softmax layer.

Reads   data/features.npz
Writes  metrics/probe.json, plots/probe_predictions.csv, plots/probe_classes.csv
        plots/probe_history.csv

The solver lbfgs fits a logistic regression with an L2 penalty until it has converged. With C: auto,
the penalty is chosen by cross-validation on train. The solver sgd trains for a few epochs, like the
university lab.
"""

from eurosat_transfer.evaluation.folds import pool_results
from eurosat_transfer.evaluation.results_files import write_results
from eurosat_transfer.features.feature_set import load_features
from eurosat_transfer.io.csv_files import write_csv
from eurosat_transfer.models.probe import Epoch, evaluate_probe
from eurosat_transfer.parameters.loading import load_section
from eurosat_transfer.parameters.probe import Probe
from eurosat_transfer.pipeline.stage import run_stage


def main() -> None:
    """Run the stage."""
    features = load_features()
    params = load_section(Probe)
    evaluated = [evaluate_probe(fold, params) for fold in features.folds()]
    write_csv("plots/probe_history.csv", Epoch._fields, evaluated[0].history)
    results = pool_results([fold.results for fold in evaluated])
    write_results("probe", features.classes, features.tested_files, results)


if __name__ == "__main__":
    run_stage(main, __doc__)
