import numpy as np
import pytest
from sklearn.svm import SVC
from small_features import feature_set, with_labels, without_class_in_train

from eurosat_transfer.errors import UserError
from eurosat_transfer.features.feature_set import FeatureSet
from eurosat_transfer.io.csv_files import read_csv
from eurosat_transfer.io.json_files import read_json
from eurosat_transfer.models import svm as machines
from eurosat_transfer.models.svm import PENALTIES, SupportVectorMachine, choose_penalty, evaluate_svm, fit_svm
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
    theirs = SVC(C=C, kernel=kernel, tol=1e-6).fit(X, y)
    monkeypatch.setattr(machines, "SVC", lambda **options: SVC(**options, tol=1e-6))
    monkeypatch.setattr(machines, "MAX_MATRIX_ROWS", most_rows)
    ours = fit_svm(X, y, kernel, C)
    assert len(ours.vectors) == pytest.approx(len(theirs.support_), abs=2)
    # A decision value close to 0 can have the other sign.
    assert (ours.predict(unseen) == theirs.predict(unseen)).sum() >= len(unseen) - 1


def test_decisions_of_two_classes_are_those_of_scikit_learns_svc():
    (X, y), (unseen, _) = overlapping_rows(400), overlapping_rows(300, seed=1)
    two = y < 2
    theirs = SVC(C=10).fit(X[two], y[two])
    ours = fit_svm(X[two], y[two], "rbf", 10)
    assert (ours.predict(unseen) == theirs.predict(unseen)).sum() >= len(unseen) - 1


def test_first_class_wins_if_all_have_equally_many_votes():
    """Class 3 beats class 5, class 5 beats class 9, and class 9 beats class 3."""
    no_vectors, no_weights = np.zeros((1, 2)), np.zeros((1, 3))
    circle = SupportVectorMachine(
        "linear", 1.0, 0.5, np.array([3, 5, 9]), no_vectors, no_weights, np.array([1.0, -1.0, 1.0])
    )
    assert circle.predict(np.ones((2, 2))).tolist() == [3, 3]


def test_decision_of_0_is_for_the_second_class():
    """scikit-learn's SVC decides in the same way: a pair's first class needs a positive value."""
    none = SupportVectorMachine("linear", 1.0, 0.5, np.array([3, 5]), np.zeros((1, 2)), np.zeros((1, 1)), np.zeros(1))
    assert none.predict(np.ones((1, 2))).tolist() == [5]


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
    predicted = fit_svm(zeros, np.arange(6) % 2, "rbf", 10).predict(zeros)
    assert np.array_equal(predicted, SVC(C=10).fit(zeros, np.arange(6) % 2).predict(zeros))


def test_score_is_the_share_of_correct_predictions():
    features = feature_set()
    X, y = features.select("train")
    wrong = y.copy()
    wrong[:15] = (wrong[:15] + 1) % 3
    assert fit_svm(X, y, "rbf", 10).score(X, wrong) == 0.75


def noisy() -> FeatureSet:
    return feature_set(noise=2.5)


def test_penalty_changes_the_predictions():
    first, second = (evaluate_svm(noisy(), Svm(kernel="rbf", C=C)).test.predicted.tolist() for C in (0.01, 100))
    assert first != second


def test_kernel_changes_the_predictions():
    rbf, linear = (
        evaluate_svm(noisy(), Svm(kernel=kernel, C=1)).test.predicted.tolist() for kernel in ("rbf", "linear")
    )
    assert rbf != linear


def test_penalty_is_chosen_by_the_accuracy_on_val():
    features = noisy()
    accuracy = {C: fit_svm(*features.select("train"), "rbf", C).score(*features.select("val")) for C in PENALTIES}
    assert len(set(accuracy.values())) > 1
    chosen = evaluate_svm(features, Svm(kernel="rbf", C="auto"))
    assert accuracy[chosen.chosen["C"]] == chosen.val.accuracy == max(accuracy.values())


def test_smallest_of_equally_good_penalties_is_chosen():
    assert choose_penalty(feature_set(noise=0.01), "rbf") == min(PENALTIES)


def test_test_labels_do_not_change_the_choice():
    features = noisy()
    other = with_labels(features, test=(features.y["test"] + 1) % 3)
    chosen = [evaluate_svm(each, Svm(kernel="rbf", C="auto")).chosen for each in (features, other)]
    assert chosen[0] == chosen[1]


@pytest.mark.parametrize(("C", "recall"), [(10, 0.0), ("auto", 1.0)])
def test_only_a_chosen_machine_is_fitted_on_train_and_val_together(C, recall, monkeypatch):
    """Only a machine that was also fitted on val can predict a class that train does not have."""
    monkeypatch.setattr(machines, "PENALTIES", (10.0,))
    found = evaluate_svm(without_class_in_train(feature_set(), missing=2), Svm(kernel="rbf", C=C))
    assert found.test.correct[found.test.actual == 2].mean() == recall
    assert found.val.correct[found.val.actual == 2].mean() == 0  # val is always predicted before the second fit
    assert found.chosen == ({"C": 10.0} if C == "auto" else {})


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
