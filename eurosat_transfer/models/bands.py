"""The classifier bands: a support vector machine on the statistics of the bands, and others on the same statistics."""

from eurosat_transfer.errors import UserError
from eurosat_transfer.evaluation.predictions import Results, most_probable
from eurosat_transfer.features.blocks import scale_blocks
from eurosat_transfer.features.feature_set import FeatureSet
from eurosat_transfer.models.knn import evaluate_knn
from eurosat_transfer.models.logistic_regression import choose_logistic_penalty, fit_logistic_regression
from eurosat_transfer.models.svm import evaluate_svm
from eurosat_transfer.parameters.bands import Bands
from eurosat_transfer.parameters.knn import Knn


def evaluate_bands(features: FeatureSet, params: Bands) -> Results:
    """Fit a support vector machine on the statistics of train, and predict val and test.

    Args:
        features: the statistics of train, val and test, with one block. They are standardised first.
        params: kernel and C.

    Raises:
        UserError: there are no statistics.
    """
    if features.X["train"].shape[1] == 0:
        raise UserError(
            "extract.features: features that were computed elsewhere come without images, so their bands cannot be "
            "measured; set extract.features=null, or run other stages by name"
        )
    return evaluate_svm(features, params, "bands")


def evaluate_bands_by_logistic_regression(features: FeatureSet, params: None) -> Results:  # noqa: ARG001
    """Fit a logistic regression on the statistics of train, and predict val and test.

    Args:
        features: as for evaluate_bands.
        params: there are none, because C is chosen by cross-validation on train.
    """
    scaled = scale_blocks(features)
    X, y = scaled.select("train")
    C = choose_logistic_penalty(X, y)
    layer, _ = fit_logistic_regression(X, y, C)
    val, test = (
        most_probable(scaled.y[subset], layer.probabilities(scaled.X[subset], len(scaled.classes)))
        for subset in ("val", "test")
    )
    return Results(val, test, len(y), {"C": C})


def evaluate_bands_by_neighbours(features: FeatureSet, params: Knn) -> Results:
    """Classify the statistics of val and test by the nearest ones of train.

    Args:
        features: as for evaluate_bands.
        params: k.
    """
    return evaluate_knn(scale_blocks(features), params)
