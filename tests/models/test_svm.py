from itertools import combinations

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.svm import SVC
from small_features import feature_set, with_labels
from threadpoolctl import threadpool_limits

from eurosat_transfer.errors import UserError
from eurosat_transfer.features.feature_set import FeatureSet
from eurosat_transfer.io.csv_files import read_csv
from eurosat_transfer.io.json_files import read_json
from eurosat_transfer.models import svm as machines
from eurosat_transfer.models.calibration import fit_temperature
from eurosat_transfer.models.svm import (
    PENALTIES,
    SupportVectorMachine,
    choose_svm_penalty,
    evaluate_svm,
    fit_calibrated_svm,
    fit_svm,
)
from eurosat_transfer.parameters.svm import Svm
from stages import svm


def overlapping_rows(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draw rows of five classes that overlap and have different sizes."""
    rng = np.random.default_rng(seed)
    y = rng.choice(5, count, p=[0.4, 0.3, 0.1, 0.1, 0.1])
    return (rng.normal(0, 1, (count, 24)) + np.eye(5, 24)[y] * 1.5).astype(np.float32), y


@pytest.mark.parametrize("kernel", ["linear", "rbf"])
@pytest.mark.parametrize("C", [0.1, 10])
@pytest.mark.parametrize("most_rows", [machines.MAX_MATRIX_ROWS, 200])
def test_predictions_are_those_of_scikit_learns_svc(kernel, C, most_rows, monkeypatch):
    """With a kernel matrix of all 400 rows, and without one because there are more than 200 rows."""
    (X, y), (unseen, _) = overlapping_rows(400), overlapping_rows(1100, seed=1)
    theirs = SVC(C=C, kernel=kernel, tol=1e-6, decision_function_shape="ovo").fit(X, y)
    monkeypatch.setattr(machines, "SVC", lambda **options: SVC(**options, tol=1e-6))
    monkeypatch.setattr(machines, "MAX_MATRIX_ROWS", most_rows)
    ours = fit_svm(X, y, kernel, C)
    assert len(ours.vectors) == pytest.approx(len(theirs.support_), abs=2)
    votes = np.zeros((len(unseen), 5))
    for decision, (first, second) in zip(theirs.decision_function(unseen).T, combinations(range(5), 2), strict=True):
        votes[np.arange(len(unseen)), np.where(decision > 0, first, second)] += 1
    has_winner = (votes == votes.max(axis=1, keepdims=True)).sum(axis=1) == 1  # SVC predicts the first of equal classes
    assert has_winner.mean() > 0.9
    # A decision value close to 0 can have the other sign.
    assert (ours.predict(unseen) == theirs.predict(unseen))[has_winner].sum() >= has_winner.sum() - 1


def test_decisions_of_two_classes_are_those_of_scikit_learns_svc():
    (X, y), (unseen, _) = overlapping_rows(400), overlapping_rows(300, seed=1)
    two = y < 2
    theirs = SVC(C=10).fit(X[two], y[two])
    ours = fit_svm(X[two], y[two], "rbf", 10)
    assert (ours.predict(unseen) == theirs.predict(unseen)).sum() >= len(unseen) - 1


def machine(intercepts: list[float]) -> SupportVectorMachine:
    """Make a machine for classes 3, 5 and 9 (or the first two) with the same decisions for every row."""
    pairs, classes = len(intercepts), np.array([3, 5, 9][: len(intercepts) if len(intercepts) > 1 else 2])
    return SupportVectorMachine(
        "linear", 1.0, 0.5, classes, np.zeros((1, 2)), np.zeros((1, pairs)), np.array(intercepts)
    )


@pytest.mark.parametrize(("intercepts", "expected"), [([1, -1, 1], 3), ([1, -1, 3], 5), ([1, -3, 1], 9)])
def test_clearest_class_wins_if_all_have_equally_many_votes(intercepts, expected):
    """Class 3 beats class 5, class 5 beats class 9, and class 9 beats class 3."""
    assert machine(intercepts).predict(np.ones((2, 2))).tolist() == [expected] * 2


def test_class_with_most_votes_wins_over_a_clearer_one():
    """Class 3 beats both others by a little, and class 5 beats class 9 by far."""
    scores = machine([0.1, 0.1, 9.0]).scores(np.ones((1, 2)))[0]
    sigmoid = 1 / (1 + np.exp(-np.array([-0.1, 0.1, 9.0, -9.0])))
    assert scores.argmax() == 0
    np.testing.assert_allclose(scores[0], np.log(sigmoid[0] * sigmoid[2]))  # of class 5, which was clearer
    np.testing.assert_allclose(scores[1], np.log(sigmoid[1] ** 2))


def test_scores_of_two_classes_are_those_of_one_sigmoid():
    scores = machine([1.5]).scores(np.ones((1, 2)))[0]
    assert scores[0] - scores[1] == pytest.approx(1.5)


def test_probabilities_are_scores_divided_by_the_temperature():
    X, y = overlapping_rows(200)
    fitted, C = fit_calibrated_svm(X, y, "rbf", 3.0)
    assert C == 3.0
    expected = softmax(fit_svm(X, y, "rbf", 3.0).scores(X) / fitted.temperature, axis=1)
    np.testing.assert_allclose(fitted.probabilities(X, 5), expected)


def test_temperature_is_that_of_rows_that_were_held_out():
    """On the training rows, nearly all scores are of the correct class, which would give a low temperature."""
    (X, y), (unseen, actual) = overlapping_rows(400), overlapping_rows(2000, seed=1)
    fitted, _ = fit_calibrated_svm(X, y, "rbf", 10.0)
    ideal = fit_temperature(fitted.machine.scores(unseen), actual)
    assert fitted.temperature == pytest.approx(ideal, rel=0.15)
    assert fit_temperature(fitted.machine.scores(X), y) < 0.5 * ideal


def test_temperature_with_copies_is_that_of_every_row_once():
    """Every row twice has the penalty of every row once with twice the C."""
    X, y = overlapping_rows(200)
    once, _ = fit_calibrated_svm(X, y, "rbf", 10.0)
    twice, _ = fit_calibrated_svm(np.tile(X, (2, 1)), np.tile(y, 2), "rbf", 5.0)
    assert twice.temperature == pytest.approx(once.temperature, rel=0.02)


def test_penalty_with_copies_is_that_of_every_row_once():
    """Every row twice is like twice the C, so the next candidate can be chosen."""
    X, y = overlapping_rows(120)
    once = PENALTIES.index(choose_svm_penalty(X, y, "rbf"))
    assert PENALTIES.index(choose_svm_penalty(np.tile(X, (2, 1)), np.tile(y, 2), "rbf")) in (once - 1, once)


def test_rare_classes_have_probabilities():
    X, y = overlapping_rows(60)
    y[y == 4] = 3
    y[0] = 4
    fitted, C = fit_calibrated_svm(X, y, "rbf", "auto")
    assert C in PENALTIES
    np.testing.assert_allclose(fitted.probabilities(X, 7).sum(axis=1), 1)
    assert (fitted.probabilities(X, 7)[:, 5:] == 1 / 67).all()  # classes without a training image


def test_one_image_of_each_class_gives_a_machine():
    fitted, C = fit_calibrated_svm(np.eye(4), np.arange(4), "rbf", "auto")
    assert (C, fitted.temperature) == (10.0, 1.0)
    assert fitted.probabilities(np.eye(4), 4).argmax(axis=1).tolist() == [0, 1, 2, 3]


def test_probabilities_are_the_same_bits_on_any_number_of_threads():
    X, y = overlapping_rows(200)
    found = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            fitted, C = fit_calibrated_svm(X, y, "rbf", "auto")
            found.append((C, fitted.temperature, fitted.probabilities(X, 5).tobytes()))
    assert found[0] == found[1]


@pytest.mark.parametrize("factor", [1e-21, 1e22])
def test_scale_of_the_features_changes_no_prediction(factor):
    (X, y), (unseen, _) = overlapping_rows(200), overlapping_rows(300, seed=1)
    expected = fit_svm(X, y, "rbf", 10).predict(unseen)
    found = fit_svm((X * np.float32(factor)), y, "rbf", 10).predict(unseen * np.float32(factor))
    assert (found == expected).mean() > 0.99
    assert len(set(found.tolist())) > 2


def test_labels_need_not_be_consecutive():
    features = feature_set()
    X, y = features.X["train"], features.y["train"] * 7
    assert set(fit_svm(X, y, "rbf", 10).predict(features.X["test"]).tolist()) == {0, 7, 14}
    assert set(fit_svm(X[y > 0], y[y > 0], "rbf", 10).predict(features.X["test"]).tolist()) == {7, 14}


@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.uint8, np.int64])
def test_numbers_of_every_type_are_accepted(dtype):
    features = feature_set()
    X = (features.X["train"] * 20 + 100).clip(0, 255).astype(dtype)
    fitted = fit_svm(X, features.y["train"], "rbf", 10)
    assert fitted.score(X, features.y["train"]) == 1.0
    zeros = np.zeros((6, 4), dtype)
    assert len(set(fit_svm(zeros, np.arange(6) % 2, "rbf", 10).predict(zeros).tolist())) == 1


def test_score_is_the_share_of_correct_predictions():
    features = feature_set()
    X, y = features.select("train")
    wrong = y.copy()
    wrong[:15] = (wrong[:15] + 1) % 3
    assert fit_svm(X, y, "rbf", 10).score(X, wrong) == 0.75


def overlapping_features() -> FeatureSet:
    rows = {subset: overlapping_rows(200, seed) for seed, subset in enumerate(("train", "val", "test"))}
    return FeatureSet({s: X for s, (X, _) in rows.items()}, {s: y for s, (_, y) in rows.items()}, list("abcde"))


def noisy() -> FeatureSet:
    return feature_set(noise=2.5)


def test_penalty_changes_the_predictions():
    first, second = (
        evaluate_svm(noisy(), Svm(features=["deep"], kernel="rbf", C=C)).test.predicted.tolist() for C in (0.01, 100)
    )
    assert first != second


def test_kernel_changes_the_predictions():
    rbf, linear = (
        evaluate_svm(noisy(), Svm(features=["deep"], kernel=kernel, C=1)).test.predicted.tolist()
        for kernel in ("rbf", "linear")
    )
    assert rbf != linear


def test_penalty_is_chosen_on_train_only():
    features = overlapping_features()
    with_other_labels = with_labels(features, **{s: (features.y[s] + 1) % 5 for s in ("val", "test")})
    results = [
        evaluate_svm(each, Svm(features=["deep"], kernel="rbf", C="auto")) for each in (features, with_other_labels)
    ]
    assert results[0].chosen == results[1].chosen
    assert results[0].chosen["C"] in PENALTIES
    assert results[0].training_labels == len(features.y["train"])
    assert results[0].test.predicted.tolist() == results[1].test.predicted.tolist()


def test_penalty_without_an_effect_on_new_rows_is_not_chosen():
    """With labels at random, the weakest fit has the smallest loss."""
    X, y = overlapping_rows(300)
    assert choose_svm_penalty(X, y, "rbf") > PENALTIES[0]
    assert choose_svm_penalty(X, np.random.default_rng(0).permutation(y), "rbf") == PENALTIES[0]


def test_penalty_that_was_given_is_not_chosen():
    assert evaluate_svm(feature_set(), Svm(features=["deep"], kernel="rbf", C=10)).chosen == {}


@pytest.mark.parametrize("kernel", ["linear", "rbf"])
def test_stage_writes_results(world, features, kernel):
    world(**{"svm.kernel": kernel})
    svm.main()
    assert read_json("metrics/svm.json")["test"]["accuracy"] == 1.0
    assert [row["predicted"] for row in read_csv("plots/svm_predictions.csv")] == ["abc"[y] for y in features["y_test"]]


@pytest.mark.usefixtures("features")
@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 cut"])
def test_file_without_features_is_refused(world, content):
    (world() / "data/features.npz").write_bytes(content)
    with pytest.raises(UserError, match=r"data/features.npz is not a valid .npz file"):
        svm.main()


def test_pickle_in_a_features_file_is_not_read(world):
    (world() / "data").mkdir()
    np.savez("data/features.npz", X_train=np.array([{}], dtype=object))
    with pytest.raises(UserError, match="features.npz"):
        svm.main()


def test_features_that_are_not_finite_are_refused(features):
    features["X_val"][0, 0] = np.nan
    np.savez("data/features.npz", **features, classes=np.array(["a", "b", "c"]))
    with pytest.raises(UserError, match="X_val has values that are NaN or infinite"):
        svm.main()


def test_missing_features_file_is_named(world):
    world()
    with pytest.raises(UserError, match="data/features.npz is missing; `dvc repro` computes it"):
        svm.main()
