"""The evaluation of a classifier of features on every fold."""

from collections.abc import Callable
from typing import TypeVar

from eurosat_transfer.evaluation.folds import pool_results
from eurosat_transfer.evaluation.predictions import Results
from eurosat_transfer.features.feature_set import FeatureSet

Params = TypeVar("Params")


def evaluate_folds(evaluate: Callable[[FeatureSet, Params], Results], features: FeatureSet, params: Params) -> Results:
    """Evaluate a classifier on every fold, and pool the results.

    Args:
        evaluate: fits the classifier on the train of one fold, and predicts its val and test.
        features: of all folds.
        params: of the classifier.

    Returns:
        The results; the predictions for test are in the order of features.tested_files.
    """
    return pool_results([evaluate(fold, params) for fold in features.folds()])
