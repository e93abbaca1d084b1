"""Results of several folds, pooled as if they were of one split."""

from collections.abc import Sequence

import numpy as np

from eurosat_transfer.evaluation.predictions import Prediction, Results


def pool_results(folds: Sequence[Results]) -> Results:
    """Pool the results of all folds.

    Args:
        folds: the results of each fold, one or more.

    Returns:
        All predictions, fold after fold. training_labels and unlabelled are means over the folds, rounded, and
        pseudo_labels are those of the first fold. A parameter
        that was chosen is named as usual if every fold chose the same value, and otherwise with the number of the fold.
    """
    if len(folds) == 1:
        return folds[0]
    chosen: dict[str, float] = {}
    for name in folds[0].chosen:
        values = [results.chosen[name] for results in folds]
        same = len(set(values)) == 1
        chosen |= {name: values[0]} if same else {f"{name}_fold_{fold}": value for fold, value in enumerate(values, 1)}
    unlabelled = [results.unlabelled for results in folds if results.unlabelled is not None]
    return Results(
        _pool([results.val for results in folds]),
        _pool([results.test for results in folds]),
        round(sum(results.training_labels for results in folds) / len(folds)),
        chosen,
        round(sum(unlabelled) / len(folds)) if unlabelled else None,
        any(results.saw_test for results in folds),
        folds[0].pseudo_labels,
    )


def _pool(predictions: Sequence[Prediction]) -> Prediction:
    return Prediction(
        np.concatenate([prediction.actual for prediction in predictions]),
        np.concatenate([prediction.predicted for prediction in predictions]),
        np.concatenate([prediction.probabilities for prediction in predictions]),
    )
