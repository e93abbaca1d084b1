"""Classify the features by a linear probe: one softmax layer, trained by SGD.

Reads   data/features.npz
Writes  metrics/probe.json, plots/probe_predictions.csv, plots/probe_classes.csv
        plots/probe_history.csv

With lr: auto, the learning rate is chosen on val. The layer that is tested is then trained on train
and val together.
"""

from eurosat_transfer.evaluation.folds import pool_results
from eurosat_transfer.evaluation.results_files import write_results
from eurosat_transfer.features.feature_set import load_features
from eurosat_transfer.models.probe import evaluate_probe
from eurosat_transfer.models.training import write_history
from eurosat_transfer.parameters.loading import load_section
from eurosat_transfer.parameters.probe import Probe
from eurosat_transfer.pipeline.stage import run_stage


def main() -> None:
    """Run the stage."""
    features = load_features()
    params = load_section(Probe)
    evaluated = [evaluate_probe(fold, params) for fold in features.folds()]
    write_history("plots/probe_history.csv", evaluated[0].history)
    results = pool_results([fold.results for fold in evaluated])
    write_results("probe", features.classes, features.tested_files, results)


if __name__ == "__main__":
    run_stage(main, __doc__)
