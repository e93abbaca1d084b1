"""Results of several folds are pooled."""

import numpy as np

from eurosat_transfer.evaluation.folds import pool_results
from eurosat_transfer.evaluation.predictions import Results, most_probable


def results(*actual: int, labels: int = 10, C: float = 1.0) -> Results:
    y = np.array(actual)
    return Results(most_probable(y, np.eye(3)[y]), most_probable(y, np.eye(3)[y[::-1]]), labels, {"C": C})


def test_the_results_of_a_single_fold_stay_the_same():
    only = results(0, 1, 2)
    assert pool_results([only]) is only


def test_predictions_are_pooled_fold_after_fold():
    pooled = pool_results([results(0, 1, 2), results(2, 2, 1, 0)])
    assert pooled.val.actual.tolist() == pooled.test.actual.tolist() == [0, 1, 2, 2, 2, 1, 0]
    assert pooled.test.predicted.tolist() == [2, 1, 0, 0, 1, 2, 2]
    assert pooled.test.probabilities.argmax(axis=1).tolist() == pooled.test.predicted.tolist()


def test_training_labels_are_the_mean_of_the_folds():
    assert pool_results([results(0, labels=10), results(1, labels=10), results(2, labels=12)]).training_labels == 11


def test_images_without_labels_are_the_mean_of_the_folds():
    folds = [results(0)._replace(unlabelled=count, saw_test=True) for count in (10, 10, 12)]
    assert pool_results(folds)[4:] == (11, True, ())
    assert pool_results([results(0), results(1)])[4:] == (None, False, ())


def test_a_chosen_value_is_named_by_fold_only_if_the_folds_differ():
    assert pool_results([results(0), results(1)]).chosen == {"C": 1.0}
    assert pool_results([results(0), results(1, C=10.0)]).chosen == {"C_fold_1": 1.0, "C_fold_2": 10.0}
