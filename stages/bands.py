"""Classify the tiles by statistics of their bands: what the spectrum says without a network.

Reads   data/bands.npz
Writes  metrics/bands.json, plots/bands_predictions.csv, plots/bands_classes.csv   of the support vector machine
        metrics/bands_classifiers.json   svm, probe and knn on the same statistics, each with val, test,
                                  training_labels, and chosen if parameters were chosen by the data

The statistics are mean, standard deviation, two percentiles and texture of each band, and of the indices NDVI,
NDWI, NDBI and NGRDI where their bands exist. The stage extract computes them, because it reads the tiles.
"""

from eurosat_transfer.evaluation.predictions import Results
from eurosat_transfer.evaluation.results_files import write_results
from eurosat_transfer.evaluation.scores import score
from eurosat_transfer.features.blocks import load_blocks
from eurosat_transfer.io.json_files import write_json
from eurosat_transfer.models.bands import (
    evaluate_bands,
    evaluate_bands_by_logistic_regression,
    evaluate_bands_by_neighbours,
)
from eurosat_transfer.models.folds import evaluate_folds
from eurosat_transfer.parameters.bands import Bands
from eurosat_transfer.parameters.knn import Knn
from eurosat_transfer.parameters.loading import load_parameters
from eurosat_transfer.pipeline.stage import run_stage


def main() -> None:
    """Run the stage."""
    parameters = load_parameters()
    features = load_blocks(["bands"])
    print(f"{features.X['train'].shape[1]} statistics of bands and indices")
    results = {
        "svm": evaluate_folds(evaluate_bands, features, parameters.section(Bands)),
        "probe": evaluate_folds(evaluate_bands_by_logistic_regression, features, None),
        "knn": evaluate_folds(evaluate_bands_by_neighbours, features, parameters.section(Knn)),
    }
    write_results("bands", features.classes, features.tested_files, results["svm"])
    write_json("metrics/bands_classifiers.json", {name: describe(found) for name, found in results.items()})
    for name, found in results.items():
        print(f"bands, {name}: test accuracy {found.test.accuracy:.3f}")


def describe(results: Results) -> dict[str, object]:
    """Return the figures of one classifier, with the keys of metrics/bands.json."""
    figures = {"val": score(results.val), "test": score(results.test), "training_labels": results.training_labels}
    return figures | ({"chosen": dict(results.chosen)} if results.chosen else {})


if __name__ == "__main__":
    run_stage(main, __doc__)
