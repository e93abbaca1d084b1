import subprocess
import sys

import numpy as np
import pytest

from stages import svm
from stages.common.files import read_csv, read_json
from stages.common.stage import UserError
from stages.common.svc import PENALTIES


@pytest.mark.parametrize("kernel", ["linear", "rbf"])
def test_it_learns_what_is_easy(world, features, kernel):
    world(**{"svm.kernel": kernel})
    svm.main()
    assert read_json("metrics/svm.json")["test"]["accuracy"] == 1.0
    assert [row["predicted"] for row in read_csv("plots/svm_predictions.csv")] == ["abc"[y] for y in features["y_test"]]


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


@pytest.mark.parametrize("stage", ["svm", "knn", "pixels", "tsne", "split", "compare"])
def test_tensorflow_is_not_imported(stage):
    code = f"import sys, stages.{stage}; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
