import sys

import numpy as np
import pytest
from conftest import REPOSITORY, run
from sklearn.svm import SVC

from stages import svm
from stages.common import svc
from stages.common.files import read_csv, read_json
from stages.common.stage import UserError
from stages.common.svc import PENALTIES


@pytest.mark.parametrize("kernel", ["linear", "rbf"])
def test_it_learns_what_is_easy(world, features, kernel):
    world(**{"svm.kernel": kernel})
    svm.main()
    assert read_json("metrics/svm.json")["test"]["accuracy"] == 1.0
    assert [row["predicted"] for row in read_csv("plots/svm_predictions.csv")] == ["abc"[y] for y in features["y_test"]]


def noisy_rows(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rows of five classes that overlap, not equally many."""
    rng = np.random.default_rng(seed)
    y = rng.choice(5, count, p=[0.4, 0.3, 0.1, 0.1, 0.1])
    return (rng.normal(0, 1, (count, 24)) + np.eye(5, 24)[y] * 1.5).astype(np.float32), y


@pytest.mark.parametrize("kernel", ["linear", "rbf"])
@pytest.mark.parametrize("C", [0.1, 10])
def test_it_decides_as_scikit_learns_svc(kernel, C, monkeypatch):
    """Where kernel matrices have room and where they have not."""
    (X, y), (unseen, _) = noisy_rows(400), noisy_rows(1100, seed=1)
    theirs = SVC(C=C, kernel=kernel, tol=1e-6).fit(X, y)
    monkeypatch.setattr("stages.common.svc.SVC", lambda **options: SVC(**options, tol=1e-6))
    for large in (svc.LARGE, 200):
        monkeypatch.setattr(svc, "LARGE", large)
        ours = svc.fit_svm(X, y, kernel, C)
        assert len(ours.vectors) == pytest.approx(len(theirs.support_), abs=2)
        # a single value that is nearly 0 may fall to the other side
        assert (ours.predict(unseen) == theirs.predict(unseen)).sum() >= len(unseen) - 1


def test_labels_need_not_be_all_there(features):
    X, y = features["X_train"], features["y_train"] * 7
    assert set(svc.fit_svm(X, y, "rbf", 10).predict(features["X_test"]).tolist()) == {0, 7, 14}
    assert set(svc.fit_svm(X[y > 0], y[y > 0], "rbf", 10).predict(features["X_test"]).tolist()) == {7, 14}


@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.uint8, np.int64])
def test_numbers_of_any_type_and_size_are_taken(features, dtype):
    X = (features["X_train"] * 20 + 100).clip(0, 255).astype(dtype)
    fitted = svc.fit_svm(X, features["y_train"], "rbf", 10)
    assert fitted.score(X, features["y_train"]) == 1.0
    nothing = np.zeros((6, 4), dtype)
    said = svc.fit_svm(nothing, np.arange(6) % 2, "rbf", 10).predict(nothing)
    assert np.array_equal(said, SVC(C=10).fit(nothing, np.arange(6) % 2).predict(nothing))


def test_the_penalty_matters(world, features):
    rng = np.random.default_rng(0)
    noisy = features | {"X_train": features["X_train"] + rng.normal(0, 3, features["X_train"].shape)}
    np.savez("data/features.npz", **noisy, classes=np.array(["a", "b", "c"]))
    results = []
    for C in (0.01, 100):
        world(**{"svm.C": C})
        svm.main()
        results.append(read_json("metrics/svm.json"))
    assert results[0] != results[1]


def test_auto_refits_on_train_and_val(world, features, monkeypatch):
    """A class that is labelled only in val can be predicted only by who was fitted on val too."""
    monkeypatch.setattr("stages.common.svc.PENALTIES", (10.0,))
    unseen = features["y_test"] == 2
    of_c, of_b = features["y_train"] == 2, features["y_train"] == 1
    features["X_train"][of_c], features["y_train"][of_c] = features["X_train"][of_b], 1
    np.savez("data/features.npz", **features, classes=np.array(["a", "b", "c"]))
    for C, right in ((10, 0.0), ("auto", 1.0)):
        world(**{"svm.C": C})
        svm.main()
        said = [row["predicted"] == "c" for row in read_csv("plots/svm_predictions.csv")]
        assert np.array(said)[unseen].mean() == right
    assert read_json("metrics/svm.json")["chosen"] == {"C": 10.0}


def test_auto_takes_the_penalty_that_does_best_on_val(world, features):
    rng = np.random.default_rng(0)
    noisy = features | {"X_train": features["X_train"] + rng.normal(0, 3, features["X_train"].shape)}
    np.savez("data/features.npz", **noisy, classes=np.array(["a", "b", "c"]))
    accuracy = {}
    for C in (*PENALTIES, "auto"):
        world(**{"svm.C": C})
        svm.main()
        accuracy[C] = read_json("metrics/svm.json")["val"]["accuracy"]
    assert accuracy[read_json("metrics/svm.json")["chosen"]["C"]] == accuracy["auto"] == max(accuracy.values())
    assert len(set(accuracy.values())) > 1


def test_the_test_set_has_no_say_in_the_choice(world, features):
    world(**{"svm.C": "auto"})
    chosen = []
    for labels in (features["y_test"], (features["y_test"] + 1) % 3):
        np.savez("data/features.npz", **features | {"y_test": labels}, classes=np.array(["a", "b", "c"]))
        svm.main()
        chosen.append(read_json("metrics/svm.json")["chosen"])
    assert chosen[0] == chosen[1]


@pytest.mark.usefixtures("features")
@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 cut"])
def test_a_file_that_holds_no_features_is_refused(world, content):
    (world() / "data/features.npz").write_bytes(content)
    with pytest.raises(UserError, match=r"data/features.npz"):
        svm.main()


def test_no_pickle_is_ever_read(world):
    (world() / "data").mkdir()
    np.savez("data/features.npz", X_train=np.array([{}], dtype=object))
    with pytest.raises(UserError, match="features.npz"):
        svm.main()


def test_features_that_are_no_numbers_are_refused(features):
    features["X_val"][0, 0] = np.nan
    np.savez("data/features.npz", **features, classes=np.array(["a", "b", "c"]))
    with pytest.raises(UserError, match="X_val has values that are no finite numbers"):
        svm.main()


def test_missing_features_are_named(world):
    world()
    with pytest.raises(UserError, match="data/features.npz is not here: `dvc repro` makes it"):
        svm.main()


@pytest.mark.parametrize("stage", ["svm", "knn", "pixels", "tsne", "split", "compare", "report"])
def test_tensorflow_is_not_imported(stage):
    code = f"import sys, stages.{stage}; sys.exit('tensorflow' in sys.modules)"
    assert run(sys.executable, "-c", code, cwd=REPOSITORY).returncode == 0
