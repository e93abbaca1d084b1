"""Measure how much more labels help the classifier bands: fit it on growing subsets of the training features.

Reads   data/bands.npz
Writes  data/bands_labels.npz   which test images each fit classifies correctly

Each draw orders the training images at random and takes the first n of every class, so that a
larger subset contains the smaller ones. All training images are fitted once. With C: auto, the
penalty is chosen for each subset, by cross-validation on its own labels. Features that were computed
elsewhere come without images, so bands has no curve then.
"""

from eurosat_transfer.evaluation.curve_files import write_curve
from eurosat_transfer.features.blocks import load_blocks
from eurosat_transfer.models.label_curve import fit_svm_curve
from eurosat_transfer.parameters.bands import Bands
from eurosat_transfer.parameters.extract import Extract
from eurosat_transfer.parameters.labels import Labels
from eurosat_transfer.parameters.loading import load_parameters
from eurosat_transfer.pipeline.stage import run_stage


def main() -> None:
    """Run the stage."""
    parameters = load_parameters()
    features = load_blocks(["bands"])
    of_images = not parameters.section(Extract).features
    fits = fit_svm_curve(features, parameters.section(Labels), parameters.section(Bands), "bands") if of_images else []
    write_curve("bands", len(features.y["test"]), fits)


if __name__ == "__main__":
    run_stage(main, __doc__)
