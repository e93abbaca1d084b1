"""Features computed elsewhere, in place of the extract stage's."""

import hashlib
import pickle
import tracemalloc

import numpy as np
import pytest
from conftest import run, stages_run, write_params

from stages import extract, knn, pixels, probe, svm, tsne
from stages.common.features import load_features
from stages.common.files import read_csv, read_json
from stages.common.precomputed import read_features
from stages.common.stage import UserError


def given(classes=3, width=7, train=60, test=30):
    """Arrays as the lab shares them, of classes that are easy to tell apart."""
    rng = np.random.default_rng(0)
    centres = rng.normal(0, 9, (classes, width))
    arrays = {}
    for subset, count in (("train", train), ("test", test)):
        y = np.arange(count) % classes
        arrays |= {f"X_{subset}": centres[y] + rng.normal(size=(count, width)), f"y_{subset}": y}
    return arrays


@pytest.fixture
def saved(tmp_path):
    """Save arrays as an .npz: saved(**arrays) -> its path."""

    def save(**arrays):
        np.savez(tmp_path / "given.npz", **arrays)
        return tmp_path / "given.npz"

    return save


@pytest.mark.parametrize("classes", [2, 11])
@pytest.mark.parametrize("width", [1, 2049])
@pytest.mark.parametrize("dtype", ["int64", "uint8", "float32", "U9", "S9"])
def test_any_size_label_and_number_of_classes_is_taken(saved, classes, width, dtype):
    arrays = given(classes, width, train=110, test=22)
    names = np.array([f"kind {label:02}" for label in range(classes)])
    text = dtype[0] in "US"
    for subset in ("train", "test"):
        y = arrays[f"y_{subset}"]
        arrays[f"y_{subset}"] = (names[y] if text else y + 3).astype(dtype)
    taken = read_features(saved(**arrays))
    assert taken["classes"].tolist() == (names.tolist() if text else [str(label + 3) for label in range(classes)])
    assert {key: (len(rows), rows.dtype) for key, rows in taken.items() if key != "classes"} == {
        f"{key}_{subset}": (count, dtype)
        for subset, count in (("train", 88), ("val", 22), ("test", 22))
        for key, dtype in (("X", np.float32), ("y", np.int64))
    }
    assert taken["X_val"].shape[1] == width
    assert (taken["y_test"] == np.arange(22) % classes).all()
    assert (np.bincount(taken["y_val"]) == 22 // classes).all()
    both = np.concatenate([taken["X_train"], taken["X_val"]])  # each training row is in one of the two
    assert sorted(both.tolist()) == sorted(arrays["X_train"].astype(np.float32).tolist())


def test_a_val_and_names_of_its_own_are_used(saved):
    arrays = given()
    own = {"X_val": arrays["X_test"][:6], "y_val": arrays["y_test"][:6], "classes": np.array(["a", "b", "c", "unused"])}
    taken = read_features(saved(**arrays, **own))
    assert (len(taken["y_train"]), len(taken["y_val"]), len(taken["y_test"])) == (60, 6, 30)
    assert taken["classes"].tolist() == ["a", "b", "c"]


PLAIN = given()


def spoilt(key, value):
    """The key's array with another first value."""
    array = PLAIN[key].copy()
    array.flat[0] = value
    return {key: array}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"X_train": None}, "it lacks X_train"),
        ({"y_test": None, "X_test": None}, "it lacks X_test, y_test"),
        ({"X_val": PLAIN["X_test"]}, "it lacks y_val"),
        (
            {"y_train": PLAIN["y_train"].astype(object)},
            "no .npz of plain arrays, or a damaged one; a pickle is not read",
        ),
        (spoilt("X_test", np.nan), "X_test has values that are no finite numbers"),
        (spoilt("X_train", np.inf), "X_train has values that are no finite numbers"),
        (spoilt("X_train", 1e300), "X_train has values that are no finite numbers"),
        ({"y_train": PLAIN["y_train"][1:]}, "X_train has 60 rows and y_train 59"),
        ({"X_test": PLAIN["X_test"][:, 1:]}, "X_test has 6 features and X_train 7"),
        (
            {"X_train": PLAIN["X_train"].ravel()},
            "X_train must be numbers, (rows, features), some of each; it is float64, (420,)",
        ),
        ({"X_test": PLAIN["X_test"][:0], "y_test": PLAIN["y_test"][:0]}, "X_test must be numbers, (rows, features)"),
        ({"X_train": PLAIN["X_train"].astype(str)}, "X_train must be numbers"),
        (
            {"y_train": np.eye(3)[PLAIN["y_train"]]},
            "y_train must be integers or strings, (rows,); it is float64, (60, 3)",
        ),
        ({"y_test": PLAIN["y_test"] + 0.5}, "y_test must be whole numbers"),
        ({"y_test": PLAIN["y_test"] + 1}, "y_test has labels that y_train has not: 3"),
        ({"y_test": PLAIN["y_test"].astype(str)}, "y_test has labels that y_train has not: '0', '1', '2'"),
        ({"y_train": PLAIN["y_train"] * 0}, "y_train has one class only, 0"),
        (spoilt("y_train", 7), "no X_val, y_val in it, and train is too small to hold a fifth out"),
        ({"classes": np.array(["a", "b"])}, "classes has 2 names for labels from 0 to 2"),
        ({"classes": np.array(["a", "b", "a"])}, "classes has a name twice"),
        ({"classes": np.arange(3)}, "classes must be strings, (classes,)"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_what_does_not_fit_is_refused(saved, changes, message):
    arrays = {key: array for key, array in (PLAIN | changes).items() if array is not None}
    with pytest.raises(UserError) as refused:
        read_features(saved(**arrays))
    assert str(refused.value).startswith(message)


def test_what_unpacks_to_far_more_than_it_is_is_not_unpacked(tmp_path):
    path = tmp_path / "bomb.npz"
    np.savez_compressed(path, **given() | {"X_val": np.zeros((300, 2**20), np.uint8), "y_val": np.zeros(300, np.int64)})
    tracemalloc.start()
    with pytest.raises(UserError, match="no .npz of plain arrays, or a damaged one"):
        read_features(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10 * 2**20


@pytest.mark.parametrize("content", [b"", b"X_train,y_train\n", b"PK\x03\x04", pickle.dumps(given())])
def test_what_is_no_npz_is_refused(tmp_path, content):
    (tmp_path / "given.npz").write_bytes(content)
    with pytest.raises(UserError, match="no .npz of plain arrays"):
        read_features(tmp_path / "given.npz")


def test_a_single_array_is_refused(tmp_path):
    np.save(tmp_path / "given.npy", np.ones((3, 3)))
    with pytest.raises(UserError, match="no .npz of plain arrays"):
        read_features(tmp_path / "given.npy")


def test_the_stages_work_on_it(world, saved):
    world(**{"extract.features": str(saved(**given()))})
    extract.main()
    assert load_features().classes == ["0", "1", "2"]
    for stage in (svm, knn, probe, tsne):
        stage.main()
    assert read_json("metrics/svm.json")["test"]["accuracy"] == 1.0
    assert set(read_json("metrics/tsne.json")) == {"features"}
    assert list(read_csv("plots/tsne.csv")[0]) == ["row", "class", "feature_x", "feature_y"]
    with pytest.raises(UserError, match="come without images"):
        pixels.main()


def test_an_address_and_a_checksum(world, saved, serve):
    path = saved(**given())
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    address = f"{serve(path.parent)}/{path.name}"
    world(**{"extract.features": address, "extract.sha256": digest})
    extract.main()
    wanted = load_features()
    for source in (address, str(path)):
        world(**{"extract.features": source, "extract.sha256": "0" * 64})
        with pytest.raises(UserError, match="extract.features: .* (another checksum than|expected)"):
            extract.main()
    assert (load_features().X["train"] == wanted.X["train"]).all()
    world(**{"extract.features": f"{path}.not"})
    with pytest.raises(UserError, match="extract.features: no file"):
        extract.main()


@pytest.mark.xdist_group("reproduced")
def test_a_clone_without_images_or_weights_works_on_it(reproduced, tmp_path, saved):
    """The README's two commands; TensorFlow cannot be imported meanwhile."""
    clone = tmp_path / "clone"
    assert run("git", "clone", "-q", str(reproduced), str(clone), cwd=tmp_path).returncode == 0
    (tmp_path / "poison").mkdir()
    for name in ("tensorflow", "keras"):
        (tmp_path / f"poison/{name}.py").write_text(f"raise ImportError('{name} is not to be imported')\n")

    def repro(*arguments):
        return run("dvc", "repro", "--allow-missing", *arguments, cwd=clone, PYTHONPATH=str(tmp_path / "poison"))

    path = saved(**given())
    write_params(clone, **{"extract.features": str(path)})
    taken = repro("--force", "--no-commit", "--single-item", "extract")
    assert taken.returncode == 0, taken.stderr
    used = repro("svm", "knn", "tsne")
    assert used.returncode == 0, used.stderr
    assert stages_run(taken.stdout + used.stdout) == {"extract", "svm", "knn", "tsne"}
    assert read_json(clone / "metrics/svm.json")["test"]["accuracy"] == 1.0
    assert sorted(p.name for p in (clone / "data").iterdir()) == [".gitignore", "features.npz", "pixels.npz"]

    refused = repro("pixels")
    assert refused.returncode != 0
    assert "error: extract.features: features computed elsewhere come without images" in refused.stderr

    saved(**{key: array for key, array in given().items() if key != "X_test"})
    refused = repro("--force", "--no-commit", "--single-item", "extract")
    assert f"error: extract.features: {path}: it lacks X_test" in refused.stderr
    assert not (clone / "data/features.npz").exists()
