import numpy as np
import pytest
from small_features import feature_set

from eurosat_transfer.features.feature_set import FeatureSet
from eurosat_transfer.models.column_scale import find_large_columns
from eurosat_transfer.models.knn import evaluate_knn
from eurosat_transfer.models.svm import evaluate_svm
from eurosat_transfer.parameters.knn import Knn
from eurosat_transfer.parameters.svm import Svm


def with_large_columns(*columns: int) -> FeatureSet:
    features = feature_set()
    for rows in features.X.values():
        rows[:, columns] = 1e7
    return features


@pytest.mark.parametrize(
    ("stage", "evaluate", "params"),
    [("knn", evaluate_knn, Knn(k=5)), ("svm", evaluate_svm, Svm(features=["deep"], kernel="rbf", C=10))],
)
def test_columns_that_hide_the_others_are_named(stage, evaluate, params, capsys):
    evaluate(with_large_columns(1, 4), params)
    warning = capsys.readouterr().err
    assert warning.startswith(f"warning: {stage}: 2 of 6 features are over 100 times as large as most")
    assert "(columns from 0: 1, 4)" in warning
    assert all(len(line) <= 100 for line in warning.splitlines())


def test_ordinary_features_give_no_warning(capsys):
    evaluate_knn(feature_set(), Knn(k=5))
    assert capsys.readouterr().err == ""


def test_only_three_columns_are_named(capsys):
    X = np.ones((5, 20))
    X[:, 3:8] = -1e4
    from eurosat_transfer.models.column_scale import warn_about_large_columns

    warn_about_large_columns("svm", X)
    assert "(columns from 0: 3, 4, 5, ...)" in capsys.readouterr().err


def test_columns_of_zeros_are_not_counted():
    X = np.zeros((5, 20), np.float32)
    X[:, :3] = [1, 2, 300]
    assert find_large_columns(X).tolist() == [2]
    assert find_large_columns(np.zeros((5, 4))).tolist() == []
