import numpy as np
import pytest
from scipy.special import softmax
from small_features import feature_set
from threadpoolctl import threadpool_limits

from eurosat_transfer.errors import UserError
from eurosat_transfer.features.feature_set import FeatureSet
from eurosat_transfer.io.csv_files import read_csv
from eurosat_transfer.io.json_files import read_json
from eurosat_transfer.models.calibration import fit_temperature
from eurosat_transfer.models.knn import evaluate_knn, fit_knn, vote_scores
from eurosat_transfer.parameters.knn import Knn
from stages import knn


def line(*labels: int) -> FeatureSet:
    """Place training rows with these labels at 1, 2, 3, ... and one row of val and of test at 0."""
    train = np.arange(1, len(labels) + 1, dtype=np.float32)[:, None]
    X = {"train": train, "val": np.zeros((1, 1), np.float32), "test": np.zeros((1, 1), np.float32)}
    y = {"train": np.array(labels), "val": np.array([0]), "test": np.array([0])}
    return FeatureSet(X, y, ["a", "b", "c"])


@pytest.mark.parametrize(("k", "expected"), [(1, 2), (2, 2), (3, 1), (6, 0)])
def test_most_frequent_class_of_the_k_nearest_rows_is_predicted(k, expected):
    """Of two classes that are equally frequent, the one with the nearest row is predicted."""
    found = evaluate_knn(line(2, 1, 1, 0, 0, 0), Knn(k=k))
    assert found.test.predicted.tolist() == found.val.predicted.tolist() == [expected]
    assert found.test.probabilities.argmax() == expected


@pytest.mark.parametrize(("labels", "expected"), [((2, 1, 0, 0, 0, 1, 1), 0), ((2, 1, 0, 0, 1), 1), ((0, 2, 2, 0), 0)])
def test_tie_is_decided_by_the_nearest_row(labels, expected):
    found = evaluate_knn(line(*labels), Knn(k=len(labels) if len(labels) < 7 else 5))
    assert found.test.predicted.tolist() == [expected]


def test_scores_are_votes_and_the_nearness_of_the_nearest_vote():
    found = vote_scores(np.array([[1, 0, 0, 1]]), classes=3)
    np.testing.assert_allclose(found, [[2 + 3 / 5, 2 + 4 / 5, 0]])


def overlapping(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = np.arange(count) % 3
    return rng.normal(size=(count, 8)) + 1.2 * np.eye(3, 8)[y], y


def test_temperature_is_that_of_unseen_rows():
    (X, y), (unseen, actual) = overlapping(600, 0), overlapping(3000, 1)
    fitted = fit_knn(X, y, 5)
    assert fitted.temperature == pytest.approx(fit_temperature(fitted.scores(unseen), actual), rel=0.15)
    expected = softmax(fitted.scores(unseen) / fitted.temperature, axis=1)
    np.testing.assert_allclose(fitted.probabilities(unseen, 3), expected)


@pytest.mark.parametrize("copies", [2, 3])
def test_temperature_with_copies_is_that_of_unseen_rows(copies):
    (X, y), (unseen, actual) = overlapping(600, 0), overlapping(3000, 1)
    fitted = fit_knn(np.tile(X, (copies, 1)), np.tile(y, copies), 5)
    assert fitted.temperature == pytest.approx(fit_temperature(fitted.scores(unseen), actual), rel=0.15)


def test_every_row_twice_and_twice_the_votes_have_the_probabilities_of_every_row_once():
    (X, y), (unseen, _) = overlapping(600, 0), overlapping(100, 1)
    once, twice = fit_knn(X, y, 20), fit_knn(np.tile(X, (2, 1)), np.tile(y, 2), 40)
    assert twice.temperature == pytest.approx(2 * once.temperature, rel=0.05)
    np.testing.assert_allclose(twice.probabilities(unseen, 3), once.probabilities(unseen, 3), atol=0.03)


def test_equal_training_rows_have_probabilities():
    fitted = fit_knn(np.ones((4, 2)), np.array([0, 1, 1, 1]), 3)
    assert fitted.temperature == 1.0
    np.testing.assert_allclose(fitted.probabilities(np.ones((1, 2)), 2).sum(axis=1), 1)


@pytest.mark.parametrize("labels", [(1,), (0, 1), (0, 1, 2)])
def test_few_training_rows_have_probabilities(labels):
    found = evaluate_knn(line(*labels), Knn(k=len(labels)))
    np.testing.assert_allclose(found.test.probabilities.sum(axis=1), 1)
    assert found.test.predicted.tolist() == [labels[0]]


def test_val_and_test_are_predicted_by_train():
    features = feature_set()
    swapped = FeatureSet(features.X | {"val": features.X["val"][::-1]}, features.y, features.classes)
    found = evaluate_knn(swapped, Knn(k=3))
    assert found.test.predicted.tolist() == features.y["test"].tolist()
    assert found.val.predicted.tolist() == features.y["val"][::-1].tolist()
    assert found.val.actual.tolist() == features.y["val"].tolist()


def test_equally_near_rows_give_the_same_predictions_on_any_number_of_threads():
    rng = np.random.default_rng(0)
    X = {subset: rng.integers(0, 2, (640, 20)).astype(np.float32) for subset in ("train", "val", "test")}
    y = {subset: rng.integers(0, 3, 640) for subset in X}
    predictions = []
    for threads in (1, 4):
        with threadpool_limits(threads):
            predictions.append(evaluate_knn(FeatureSet(X, y, ["a", "b", "c"]), Knn(k=5)).test.probabilities.tolist())
    assert predictions[0] == predictions[1]


def test_more_neighbours_than_training_images_are_refused():
    with pytest.raises(UserError, match=r"knn\.k=61 is too large; allowed: 1 to 60, the number of training images"):
        evaluate_knn(feature_set(), Knn(k=61))


@pytest.mark.usefixtures("features")
def test_stage_writes_results(world):
    world(**{"knn.k": 5})
    knn.main()
    metrics = read_json("metrics/knn.json")
    assert metrics["test"]["accuracy"] == 1.0
    assert metrics["test"]["log_loss"] < 0.1
    row = read_csv("plots/knn_predictions.csv")[0]
    assert (row["file"], row["actual"], row["predicted"]) == ("test/0.jpg", "a", "a")
    assert 0.9 < float(row["confidence"]) < 1
