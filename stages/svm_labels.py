"""Measure how much more labels help the classifier svm: fit it on growing subsets of the training features.

Reads   data/features.npz  data/bands.npz, as svm.features says
Writes  data/svm_labels.npz   which test images each fit classifies correctly

Each draw orders the training images at random and takes the first n of every class, so that a
larger subset contains the smaller ones. All training images are fitted once. With C: auto, the
penalty is chosen for each subset, by cross-validation on its own labels.
"""

from eurosat_transfer.evaluation.curve_files import write_curve
from eurosat_transfer.features.blocks import load_blocks
from eurosat_transfer.models.label_curve import fit_svm_curve
from eurosat_transfer.parameters.labels import Labels
from eurosat_transfer.parameters.loading import load_parameters
from eurosat_transfer.parameters.svm import Svm
from eurosat_transfer.pipeline.stage import run_stage


def main() -> None:
    """Run the stage."""
    parameters = load_parameters()
    params = parameters.section(Svm)
    features = load_blocks(params.features)
    fits = fit_svm_curve(features, parameters.section(Labels), params)
    write_curve("svm", len(features.y["test"]), fits)


if __name__ == "__main__":
    run_stage(main, __doc__)
