"""The classifier spread: what the images without labels change, and what it must not see."""

import subprocess
import sys

import numpy as np
import pytest
from conftest import REPOSITORY, environment
from small_features import feature_set, with_labels

from eurosat_transfer.data.subsets import UNLABELLED
from eurosat_transfer.features.feature_set import FeatureSet
from eurosat_transfer.io.csv_files import read_csv
from eurosat_transfer.io.json_files import read_json
from eurosat_transfer.models.logistic_regression import fit_logistic_regression
from eurosat_transfer.models.spread import (
    evaluate_spread,
    fit_layer,
    fit_spread,
    prepare_nodes,
    select_unlabelled,
)
from eurosat_transfer.parameters.spread import Spread
from stages import spread

PARAMS = Spread(neighbours=8, components=4, alpha=0.9)


def crescents(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw rows of two long classes side by side, with two more columns of noise."""
    rng = np.random.default_rng(seed)
    y = np.arange(count) % 2
    along = rng.uniform(-10, 10, count)
    rows = np.stack([along, 3 * y + rng.normal(0, 0.4, count), *rng.normal(0, 0.4, (2, count))], axis=1)
    return rows.astype(np.float32), y


def accuracy(fitted, X, y) -> float:
    return (fitted.predict(X) == y).mean()


def test_images_without_labels_show_where_the_classes_are():
    """With one label at the wrong end of each class, the labels alone divide the images across the classes."""
    (X, y), (unseen, actual) = crescents(400, 0), crescents(400, 1)
    ends = np.array([np.flatnonzero(y == 0)[X[y == 0, 0].argmin()], np.flatnonzero(y == 1)[X[y == 1, 0].argmax()]])
    alone = fit_logistic_regression(X[ends], y[ends], 30.0)[0]
    assert accuracy(alone, unseen, actual) < 0.7
    assert accuracy(fit_spread(X[ends], y[ends], np.delete(X, ends, axis=0), PARAMS), unseen, actual) > 0.99


def test_classes_with_more_labels_do_not_take_the_others():
    rng = np.random.default_rng(2)
    y = np.repeat([0, 1], 300)
    X = (rng.normal(0, 1, (600, 6)) + 3 * np.eye(2, 6)[y]).astype(np.float32)
    labelled = np.array([*range(20), 300])
    found = fit_spread(X[labelled], y[labelled], np.delete(X, labelled, axis=0), PARAMS)
    assert accuracy(found, X, y) > 0.95
    assert accuracy(fit_logistic_regression(X[labelled], y[labelled], 30.0)[0], X, y) < 0.9


def test_the_labels_show_how_frequent_the_classes_are():
    """Of a class that is rare among many labels, there are few images in places where two classes overlap."""
    rng = np.random.default_rng(3)
    y = (rng.random(2000) < 0.1).astype(int)
    X = (rng.normal(0, 1, (2000, 6)) + 3 * np.eye(2, 6)[y]).astype(np.float32)
    best = (y == (X[:, 1] - X[:, 0] > np.log(9) / 3)).mean()  # Bayes' rule
    balanced = np.concatenate([np.flatnonzero(y == label)[:30] for label in (0, 1)])
    found = {
        name: accuracy(fit_spread(X[rows], y[rows], np.delete(X, rows, axis=0), PARAMS), X, y)
        for name, rows in {"drawn": np.arange(600), "balanced": balanced}.items()
    }
    assert found["drawn"] > best - 0.02
    assert found["balanced"] < found["drawn"] - 0.02


def test_the_order_of_the_labels_does_not_matter():
    features = feature_set(noise=2)
    X, y = features.select("train")
    nodes = prepare_nodes(X, PARAMS)
    some, backwards = np.arange(12), np.arange(12)[::-1]
    one, other = (fit_layer(nodes, rows, y[rows], 0.9) for rows in (some, backwards))
    np.testing.assert_allclose(one.weights, other.weights, rtol=1e-6)


def test_labels_need_not_be_consecutive():
    features = feature_set()
    X, y = features.select("train")
    found = fit_spread(X, 2 * y + 1, features.X["val"], PARAMS)
    assert found.classes.tolist() == [1, 3, 5]
    assert accuracy(found, features.X["test"], 2 * features.y["test"] + 1) == 1.0
    probabilities = found.probabilities(features.X["test"], 7)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    np.testing.assert_allclose(probabilities[:, [0, 2, 4, 6]], 1 / (60 + 7))


def wide(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw rows of three classes that overlap, with more columns than most training sets have rows."""
    rng = np.random.default_rng(seed)
    y = np.arange(count) % 3
    return (rng.normal(0, 1, (count, 200)) + 3 * np.eye(3, 200)[y]).astype(np.float32), y


def too_sure(probabilities: np.ndarray, actual: np.ndarray) -> float:
    return probabilities.max(axis=1).mean() - (probabilities.argmax(axis=1) == actual).mean()


@pytest.mark.parametrize("unlabelled", [0, 60])
def test_probabilities_of_new_images_are_calibrated(unlabelled):
    """With more columns than rows, the discriminant repeats the label that a row it learned from seemed to have."""
    (X, y), (unseen, actual) = wide(120, 0), wide(3000, 1)
    others = wide(unlabelled, 2)[0] if unlabelled else X[:0]
    calibrated = fit_spread(X, y, others, PARAMS).probabilities(unseen, 3)
    assert abs(too_sure(calibrated, actual)) < 0.05
    within = fit_spread(X, y, others, PARAMS, predicts_them=True).probabilities(unseen, 3)
    assert abs(too_sure(within, actual)) > 0.07


def test_probabilities_of_the_images_without_labels_are_calibrated():
    (X, y), (others, actual) = wide(120, 0), wide(600, 3)
    assert abs(too_sure(fit_spread(X, y, others, PARAMS, predicts_them=True).probabilities(others, 3), actual)) < 0.05


def test_the_discriminant_learns_nothing_from_rows_that_are_left_out():
    nodes = prepare_nodes(wide(30, 0)[0], PARAMS)
    fewer = nodes.leave_out(np.array([3, 17]))
    rows = np.delete(nodes.rows, [3, 17], axis=0)
    assert fewer.graph is nodes.graph
    assert np.array_equal(fewer.products, rows.T @ rows)
    np.testing.assert_allclose(fewer.mean, rows.mean(axis=0))
    np.testing.assert_allclose(fewer.covariance, np.cov(rows.T, bias=True), atol=1e-9)


@pytest.mark.parametrize("width", [1, 2, 200])
@pytest.mark.parametrize("count", [2, 3, 40])
def test_few_rows_and_columns_are_no_problem(width, count):
    rng = np.random.default_rng(0)
    y = np.arange(count) % 2
    X = (y[:, None] + rng.normal(0, 0.01, (count, width))).astype(np.float32)
    found = fit_spread(X, y, X[:0], Spread(neighbours=14, components=64, alpha=0.9))
    assert accuracy(found, X, y) == 1.0


def test_features_without_differences_are_no_problem():
    found = fit_spread(np.ones((6, 4), np.float32), np.arange(6) % 2, np.ones((5, 4), np.float32), PARAMS)
    assert np.isfinite(found.probabilities(np.ones((1, 4)), 2)).all()


def with_unlabelled(features: FeatureSet) -> FeatureSet:
    X = np.random.default_rng(9).normal(0, 3, (40, 6)).astype(np.float32)
    return FeatureSet(features.X | {UNLABELLED: X}, features.y, features.classes)


@pytest.mark.parametrize(("unlabelled", "count"), [("none", 0), ("rest", 40), ("test", 60)])
def test_the_images_without_labels_are_those_of_the_parameter(unlabelled, count):
    features = with_unlabelled(feature_set(noise=3))
    expected = {"none": [], "rest": [UNLABELLED], "test": ["val", "test"]}[unlabelled]
    found = select_unlabelled(features, unlabelled)
    assert np.array_equal(found, np.concatenate([np.empty((0, 6)), *(features.X[name] for name in expected)]))
    results = evaluate_spread(features, PARAMS, unlabelled)
    assert (results.training_labels, results.unlabelled, results.saw_test) == (60, count, unlabelled == "test")


def test_without_a_rest_no_image_is_used():
    assert select_unlabelled(feature_set(), "rest").shape == (0, 6)


@pytest.mark.parametrize("unlabelled", ["none", "rest", "test"])
def test_labels_of_val_and_test_change_no_prediction(unlabelled):
    features = with_unlabelled(feature_set(noise=3))
    wrong = with_labels(features, **{s: (features.y[s] + 1) % 3 for s in ("val", "test")})
    first, second = (evaluate_spread(of, PARAMS, unlabelled) for of in (features, wrong))
    for one, other in ((first.val, second.val), (first.test, second.test)):
        assert np.array_equal(one.probabilities, other.probabilities)
        assert not np.array_equal(one.actual, other.actual)


@pytest.mark.parametrize("unlabelled", ["none", "rest"])
def test_test_images_change_nothing_unless_they_are_wanted(unlabelled):
    features = with_unlabelled(feature_set(noise=3))
    moved = FeatureSet(features.X | {"test": features.X["test"] + 5}, features.y, features.classes)
    first, second = (evaluate_spread(of, PARAMS, unlabelled) for of in (features, moved))
    assert np.array_equal(first.val.probabilities, second.val.probabilities)
    assert not np.array_equal(first.test.probabilities, second.test.probabilities)
    first, second = (evaluate_spread(of, PARAMS, "test") for of in (features, moved))
    assert not np.array_equal(first.val.probabilities, second.val.probabilities)


def test_the_number_of_threads_changes_no_bit():
    program = """
import numpy as np
from eurosat_transfer.models.spread import fit_spread
from eurosat_transfer.parameters.spread import Spread
rng = np.random.default_rng(0)
y = rng.integers(0, 5, 1500)
X = (rng.normal(0, 1, (1500, 150)) + np.eye(5, 150)[y]).astype(np.float32)
found = fit_spread(X[:50], y[:50], X[50:], Spread(neighbours=14, components=64, alpha=0.9))
print(found.weights.tobytes().hex()[:4000], found.intercepts.tobytes().hex())
"""
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env=environment(OMP_NUM_THREADS=str(threads), OPENBLAS_NUM_THREADS=str(threads)),
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for threads in (1, 2, 4)
    }
    assert len(outputs) == 1


@pytest.mark.parametrize("unlabelled", ["none", "rest", "test"])
def test_the_stage_writes_what_it_used(features, world, capsys, unlabelled):
    np.savez(
        "data/features.npz",
        **features,
        X_unlabelled=features["X_val"][:7] + 1,
        files_unlabelled=np.array([f"unlabelled/{i}.jpg" for i in range(7)]),
        classes=np.array(["a", "b", "c"]),
    )
    world(**{"split.unlabelled": unlabelled})
    spread.main()
    count = {"none": 0, "rest": 7, "test": 60}[unlabelled]
    assert f"spread: 60 images with labels, {count} without\n" in capsys.readouterr().out
    metrics = read_json("metrics/spread.json")
    assert metrics["test"]["accuracy"] == 1.0
    assert (metrics["training_labels"], metrics["unlabelled"], metrics["saw_test"]) == (60, count, unlabelled == "test")
    assert [row["file"] for row in read_csv("plots/spread_predictions.csv")] == features["files_test"].tolist()
