"""Measure how much more labels help the classifier spread: fit it on growing subsets of the training features.

Reads   data/features.npz
Writes  data/spread_labels.npz   which test images each fit classifies correctly

Each draw orders the training images at random and takes the first n of every class, so that a
larger subset contains the smaller ones. All training images are fitted once. The
training images outside a subset are images without labels, unless split.unlabelled is none.
"""

from eurosat_transfer.evaluation.curve_files import write_curve
from eurosat_transfer.features.feature_set import load_features
from eurosat_transfer.models.label_curve import fit_spread_curve
from eurosat_transfer.parameters.labels import Labels
from eurosat_transfer.parameters.loading import load_parameters
from eurosat_transfer.parameters.split import Split
from eurosat_transfer.parameters.spread import Spread
from eurosat_transfer.pipeline.stage import run_stage


def main() -> None:
    """Run the stage."""
    parameters, features = load_parameters(), load_features()
    unlabelled = parameters.section(Split).unlabelled
    fits = fit_spread_curve(features, parameters.section(Labels), parameters.section(Spread), unlabelled)
    write_curve("spread", len(features.y["test"]), fits)


if __name__ == "__main__":
    run_stage(main, __doc__)
