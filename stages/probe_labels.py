"""Measure how much more labels help the classifier probe: fit it on growing subsets of the training features.

Reads   data/features.npz
Writes  data/probe_labels.npz   which test images each fit classifies correctly

Each draw orders the training images at random and takes the first n of every class, so that a
larger subset contains the smaller ones. All training images are fitted once. With C: auto, the
penalty is chosen for each subset, by cross-validation on its own labels. With
probe.solver: sgd, the probe has no curve.
"""

from eurosat_transfer.evaluation.curve_files import write_curve
from eurosat_transfer.features.feature_set import load_features
from eurosat_transfer.models.label_curve import fit_probe_curve
from eurosat_transfer.parameters.labels import Labels
from eurosat_transfer.parameters.loading import load_parameters
from eurosat_transfer.parameters.probe import Probe
from eurosat_transfer.pipeline.stage import run_stage


def main() -> None:
    """Run the stage."""
    parameters, features = load_parameters(), load_features()
    fits = fit_probe_curve(features, parameters.section(Labels), parameters.section(Probe))
    write_curve("probe", len(features.y["test"]), fits)


if __name__ == "__main__":
    run_stage(main, __doc__)
