"""Features that were computed elsewhere, in place of those of the extract stage."""

import hashlib
import pickle
import tracemalloc

import numpy as np
import pytest

from eurosat_transfer.data.subsets import SUBSETS, UNLABELLED
from eurosat_transfer.errors import UserError
from eurosat_transfer.features.feature_set import load_features
from eurosat_transfer.features.precomputed import fetch_features, read_features
from eurosat_transfer.io.csv_files import read_csv
from eurosat_transfer.io.json_files import read_json
from eurosat_transfer.io.npz import list_arrays
from eurosat_transfer.parameters.extract import Extract
from stages import extract, knn, pixels, probe, svm, tsne


def lab_arrays(classes: int = 3, width: int = 7, train: int = 60, test: int = 30) -> dict[str, np.ndarray]:
    """Make features like those of the lab, without val, of classes that are easy to tell apart."""
    rng = np.random.default_rng(0)
    centres = rng.normal(0, 9, (classes, width))
    arrays = {}
    for subset, count in (("train", train), ("test", test)):
        y = np.arange(count) % classes
        arrays |= {f"X_{subset}": centres[y] + rng.normal(size=(count, width)), f"y_{subset}": y}
    return arrays


PLAIN = lab_arrays()


@pytest.fixture
def save(tmp_path):
    """Save arrays as an .npz file: save(**arrays) -> its path."""

    def save_arrays(**arrays):
        np.savez(tmp_path / "lab.npz", **arrays)
        return tmp_path / "lab.npz"

    return save_arrays


@pytest.mark.parametrize("classes", [2, 11])
@pytest.mark.parametrize("width", [1, 2049])
@pytest.mark.parametrize("dtype", ["int64", "uint8", "float32", "U9", "S9"])
def test_labels_of_every_type_are_read(save, classes, width, dtype):
    arrays = lab_arrays(classes, width, train=110, test=22)
    names = np.array([f"kind {label:02}" for label in range(classes)])
    is_text = dtype[0] in "US"
    for subset in ("train", "test"):
        y = arrays[f"y_{subset}"]
        arrays[f"y_{subset}"] = (names[y] if is_text else y + 3).astype(dtype)
    found = read_features(save(**arrays))
    assert found["classes"].tolist() == (names.tolist() if is_text else [str(label + 3) for label in range(classes)])
    files = {key: rows.tolist() for key, rows in found.items() if key.startswith("files_")}
    assert files == {f"files_{s}": [f"{s}[{row}]" for row in range(len(found[f"y_{s}"]))] for s in SUBSETS}
    assert {key: (len(rows), rows.dtype) for key, rows in found.items() if key[:2] in ("X_", "y_")} == {
        f"{key}_{subset}": (count, dtype)
        for subset, count in (("train", 88), ("val", 22), ("test", 22))
        for key, dtype in (("X", np.float32), ("y", np.int64))
    }
    assert np.array_equal(found["X_test"], arrays["X_test"].astype(np.float32))
    assert found["y_test"].tolist() == (np.arange(22) % classes).tolist()


def test_a_stratified_fifth_of_train_is_held_out(save, capsys):
    """Rows keep their labels and their order, and the rare class is in both parts."""
    y = np.array(([0] * 30 + [1] * 10 + [2] * 5) * 2)
    arrays = PLAIN | {"X_train": np.arange(2 * len(y)).reshape(-1, 2), "y_train": y, "X_test": np.ones((30, 2))}
    found = read_features(save(**arrays))
    assert np.bincount(found["y_val"]).tolist() == [12, 4, 2]
    assert np.bincount(found["y_train"]).tolist() == [48, 16, 8]
    rows = {subset: (found[f"X_{subset}"][:, 0] / 2).astype(int) for subset in ("train", "val")}
    assert sorted([*rows["train"], *rows["val"]]) == list(range(len(y)))  # each row is in one of the two
    for subset, of_subset in rows.items():
        assert of_subset.tolist() == sorted(of_subset)
        assert found[f"y_{subset}"].tolist() == y[of_subset].tolist()
    assert capsys.readouterr().out.endswith("a stratified fifth of train, 18 of 90 rows, is val\n")
    again = read_features(save(**arrays))
    assert all(np.array_equal(again[key], array) for key, array in found.items())


def test_val_and_class_names_of_the_file_are_used(save, capsys):
    own = {"X_val": PLAIN["X_test"][:6], "y_val": PLAIN["y_test"][:6], "classes": np.array(["a", "b", "c", "unused"])}
    found = read_features(save(**PLAIN, **own))
    assert [len(found[f"y_{subset}"]) for subset in ("train", "val", "test")] == [60, 6, 30]
    assert np.array_equal(found["X_val"], own["X_val"].astype(np.float32))
    assert found["y_val"].tolist() == own["y_val"].tolist()
    assert found["classes"].tolist() == ["a", "b", "c"]
    assert capsys.readouterr().out == ""


def test_unlabelled_rows_of_the_file_are_used(save):
    found = read_features(save(**PLAIN, X_unlabelled=PLAIN["X_test"][:5]))
    assert np.array_equal(found["X_unlabelled"], PLAIN["X_test"][:5].astype(np.float32))
    assert found["files_unlabelled"].tolist() == [f"unlabelled[{row}]" for row in range(5)]
    assert "y_unlabelled" not in found


def test_integer_labels_take_their_names_from_classes(save):
    labels = {f"y_{subset}": PLAIN[f"y_{subset}"] * 2 for subset in ("train", "test")}
    found = read_features(save(**PLAIN | labels, classes=np.array(["a", "b", "c", "d", "e"])))
    assert found["classes"].tolist() == ["a", "c", "e"]  # the names of 0, 2 and 4
    assert found["y_test"].tolist() == PLAIN["y_test"].tolist()


def changed(key: str, value: float) -> dict[str, np.ndarray]:
    """Replace the first value of an array."""
    array = PLAIN[key].copy()
    array.flat[0] = value
    return {key: array}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"X_train": None},
            "it lacks X_train; needed: X_train, y_train, X_test, y_test; allowed: X_val with y_val, "
            "classes, X_unlabelled",
        ),
        ({"y_test": None, "X_test": None}, "it lacks X_test, y_test; needed"),
        ({"X_val": PLAIN["X_test"]}, "it lacks y_val; needed"),
        ({"X_unlabelled": PLAIN["X_test"][:, 1:]}, "X_unlabelled has 6 columns; allowed: 7, as many as X_train has"),
        ({"X_unlabelled": PLAIN["y_test"]}, "X_unlabelled is int64 of shape (30,); allowed: numbers of shape (rows"),
        ({"y_val": PLAIN["y_test"]}, "it lacks X_val; needed"),
        ({"y_train": PLAIN["y_train"].astype(object)}, "it is not a valid .npz file of numbers and strings; pickled"),
        (
            changed("X_test", np.nan),
            "X_test has values that are NaN or too large; allowed: finite numbers in the range",
        ),
        (changed("X_train", np.inf), "X_train has values that are NaN or too large"),
        (changed("X_train", 1e300), "X_train has values that are NaN or too large"),
        ({"y_train": PLAIN["y_train"][1:]}, "X_train has 60 rows, but y_train has 59 labels; allowed: one for a row"),
        ({"X_test": PLAIN["X_test"][:, 1:]}, "X_test has 6 columns; allowed: 7, as many as X_train has"),
        (
            {"X_train": PLAIN["X_train"].ravel()},
            "X_train is float64 of shape (420,); allowed: numbers of shape (rows, columns), one or more of each",
        ),
        ({"X_test": PLAIN["X_test"][:0], "y_test": PLAIN["y_test"][:0]}, "X_test is float64 of shape (0, 7); allowed"),
        ({"X_train": PLAIN["X_train"].astype(str)}, "X_train is <U32 of shape (60, 7); allowed: numbers"),
        (
            {"y_train": np.eye(3)[PLAIN["y_train"]]},
            "y_train is float64 of shape (60, 3); allowed: integers or strings of shape (rows,)",
        ),
        ({"y_test": PLAIN["y_test"] + 0.5}, "y_test has the label 0.5; allowed: integers or strings"),
        ({"y_test": np.full(30, np.nan)}, "y_test has the label nan; allowed: integers or strings"),
        ({"y_test": PLAIN["y_test"] + 1}, "y_test has labels that y_train does not have: 3; allowed: the labels of"),
        ({"y_test": PLAIN["y_test"] - 1}, "y_test has labels that y_train does not have: -1; allowed"),
        (
            {"y_test": PLAIN["y_test"].astype(str)},
            "y_test has labels that y_train does not have: '0', '1', '2'; allowed",
        ),
        ({"y_test": np.arange(30)}, "y_test has labels that y_train does not have: 3, 4, 5, 6, 7; allowed"),
        ({"y_test": np.full(30, b"\xff")}, "y_test has text that is not UTF-8; allowed: Unicode strings, or bytes in"),
        ({"y_train": PLAIN["y_train"] * 0}, "y_train has only the label 0; needed: two different labels or more"),
        (changed("y_train", 7), "it lacks X_val, y_val, and train is too small to hold out a stratified fifth ("),
        (
            {"classes": np.array(["a", "b"])},
            "classes has 2 names, but y_train has labels from 0 to 2; allowed: labels from 0 to 1",
        ),
        ({"classes": np.array(["a", "b", "a"])}, "classes has the name 'a' twice; allowed: different names"),
        ({"classes": np.arange(3)}, "classes is int64 of shape (3,); allowed: strings of shape (classes,)"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_arrays_that_do_not_fit_each_other_are_refused(save, changes, message):
    arrays = {key: array for key, array in (PLAIN | changes).items() if array is not None}
    with pytest.raises(UserError) as refused:
        read_features(save(**arrays))
    assert str(refused.value).startswith(message)


def test_a_file_that_unpacks_to_far_more_than_its_size_is_not_unpacked(tmp_path):
    path = tmp_path / "bomb.npz"
    np.savez_compressed(path, **PLAIN | {"X_val": np.zeros((300, 2**20), np.uint8), "y_val": np.zeros(300, np.int64)})
    tracemalloc.start()
    with pytest.raises(UserError, match="it is not a valid .npz file"):
        read_features(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10 * 2**20


@pytest.mark.parametrize("content", [b"", b"X_train,y_train\n", b"PK\x03\x04", pickle.dumps(PLAIN)])
def test_a_file_that_is_no_npz_is_refused(tmp_path, content):
    (tmp_path / "lab.npz").write_bytes(content)
    with pytest.raises(UserError, match="it is not a valid .npz file"):
        read_features(tmp_path / "lab.npz")


def test_a_single_array_instead_of_precomputed_features_is_refused(tmp_path):
    np.save(tmp_path / "lab.npy", np.ones((3, 3)))
    with pytest.raises(UserError, match="it is not a valid .npz file"):
        read_features(tmp_path / "lab.npy")


def test_an_error_names_the_parameter_and_the_file(save):
    path = save(**PLAIN | {"y_train": PLAIN["y_train"][1:]})
    with pytest.raises(UserError) as refused:
        fetch_features(Extract(preprocess=True, precision="float32", pixel_size=8, features=str(path), sha256=None))
    assert str(refused.value).startswith(f"extract.features: {path}: X_train has 60 rows")


def test_the_extract_stage_writes_features_and_pixels_without_columns(world, save, capsys):
    world(**{"extract.features": str(save(**PLAIN, X_unlabelled=PLAIN["X_test"][:5]))})
    extract.main()
    assert "95 images -> 7 features of 3 classes" in capsys.readouterr().out
    assert not [key for key in list_arrays("data/pixels.npz") if key.endswith(UNLABELLED)]
    assert {key for key in list_arrays("data/features.npz") if key.endswith(UNLABELLED)} == {
        "X_unlabelled",
        "files_unlabelled",
    }
    features, without_images = load_features(), load_features("data/pixels.npz")
    assert features.classes == without_images.classes == ["0", "1", "2"]
    for subset in ("train", "val", "test"):
        assert without_images.X[subset].shape == (len(features.y[subset]), 0)
        assert np.array_equal(without_images.y[subset], features.y[subset])
    svm.main()
    knn.main()
    assert read_json("metrics/svm.json")["test"]["accuracy"] == 1.0
    assert read_json("metrics/knn.json")["test"]["accuracy"] == 1.0
    with pytest.raises(UserError, match="come without images"):
        pixels.main()


@pytest.mark.slow
def test_tsne_and_probe_work_on_precomputed_features(world, save):
    world(**{"extract.features": str(save(**PLAIN))})
    extract.main()
    probe.main()
    tsne.main()
    assert set(read_json("metrics/tsne.json")) == {"features"}
    assert list(read_csv("plots/tsne.csv")[0]) == ["row", "class", "feature_x", "feature_y"]


def test_precomputed_features_are_downloaded_and_checked(world, save, serve):
    path = save(**PLAIN)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    address = f"{serve(path.parent)}/{path.name}"
    world(**{"extract.features": address, "extract.sha256": digest})
    extract.main()
    expected = load_features()
    for source in (address, str(path)):
        world(**{"extract.features": source, "extract.sha256": "0" * 64})
        with pytest.raises(UserError, match=f"extract.features: .* expected {'0' * 64}"):
            extract.main()
    assert np.array_equal(load_features().X["train"], expected.X["train"])
    world(**{"extract.features": f"{path}.not"})
    with pytest.raises(UserError, match="extract.features: no file"):
        extract.main()
