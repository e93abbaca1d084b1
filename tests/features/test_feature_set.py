"""The file of features is checked when it is loaded."""

import sys

import numpy as np
import pytest
from conftest import REPOSITORY, run

from eurosat_transfer.errors import UserError
from eurosat_transfer.features import FeatureSet, load_features

ARRAYS = {
    "X_train": np.arange(12, dtype=np.float32).reshape(6, 2),
    "y_train": np.array([0, 1, 2, 0, 1, 2]),
    "X_val": np.full((2, 2), 7, np.float32),
    "y_val": np.array([2, 0]),
    "X_test": np.full((3, 2), 8, np.float32),
    "y_test": np.array([1, 1, 0]),
    "files_train": np.array([f"train/{row}.jpg" for row in range(6)]),
    "files_val": np.array(["val/0.jpg", "val/1.jpg"]),
    "files_test": np.array(["test/0.jpg", "test/1.jpg", "test/2.jpg"]),
    "classes": np.array(["a", "b", "c"]),
}


def save(folder, **changes):
    """Write the arrays with changes. None leaves an array out."""
    arrays = {name: array for name, array in (ARRAYS | changes).items() if array is not None}
    np.savez(folder / "features.npz", **arrays)
    return folder / "features.npz"


def test_features_are_loaded_by_subset(tmp_path):
    features = load_features(save(tmp_path))
    for subset in ("train", "val", "test"):
        assert np.array_equal(features.X[subset], ARRAYS[f"X_{subset}"])
        assert np.array_equal(features.y[subset], ARRAYS[f"y_{subset}"])
        assert features.files[subset] == ARRAYS[f"files_{subset}"].tolist()
    assert features.classes == ["a", "b", "c"]


def test_the_default_file_is_that_of_the_extract_stage(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    save(tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    assert load_features().classes == ["a", "b", "c"]


def test_several_subsets_are_concatenated_in_order(tmp_path):
    features = load_features(save(tmp_path))
    X, y = features.select("val", "train")
    assert np.array_equal(X, np.concatenate([ARRAYS["X_val"], ARRAYS["X_train"]]))
    assert np.array_equal(y, np.concatenate([ARRAYS["y_val"], ARRAYS["y_train"]]))
    assert features.select("test")[0] is features.X["test"]


def test_train_can_be_reduced_to_some_rows(tmp_path):
    features = load_features(save(tmp_path))
    fewer = features.with_train_rows(np.array([4, 0]))
    assert isinstance(fewer, FeatureSet)
    assert np.array_equal(fewer.X["train"], ARRAYS["X_train"][[4, 0]])
    assert fewer.y["train"].tolist() == [1, 0]
    assert fewer.files["train"] == ["train/4.jpg", "train/0.jpg"]
    assert fewer.files["test"] == features.files["test"]
    assert np.array_equal(fewer.X["test"], ARRAYS["X_test"])
    assert len(features.y["train"]) == 6  # the original stays


def fold(**rows: list[int]) -> list[str]:
    """Name the subset of each of 13 rows in a fold: 6 of train, 2 of val, 3 of test and 2 of rest."""
    names = [""] * 13
    for subset, positions in rows.items():
        for position in positions:
            names[position] = subset
    return names


SECOND = fold(train=[2, 6, 9, 12], val=[0], test=[3, 11])
REST = {
    "X_rest": np.full((2, 2), 9, np.float32),
    "y_rest": np.array([2, 1]),
    "files_rest": np.array(["rest/0.jpg", "rest/1.jpg"]),
    "folds": np.array([SECOND]),
}


def test_the_features_of_each_fold_are_selected(tmp_path):
    features = load_features(save(tmp_path, **REST))
    first, second = features.folds()
    assert {subset: of.tolist() for subset, of in first.y.items()} == {s: ARRAYS[f"y_{s}"].tolist() for s in first.y}
    assert list(first.X) == list(second.X) == list(second.files) == ["train", "val", "test"]
    assert second.X["train"].tolist() == [[4, 5], [7, 7], [8, 8], [9, 9]]
    assert [second.y[subset].tolist() for subset in second.y] == [[2, 2, 1, 1], [0], [0, 2]]
    assert second.files["train"] == ["train/2.jpg", "val/0.jpg", "test/1.jpg", "rest/1.jpg"]
    assert features.tested_files == ["test/0.jpg", "test/1.jpg", "test/2.jpg", "train/3.jpg", "rest/0.jpg"]


UNLABELLED = {
    "X_unlabelled": np.full((2, 2), 5, np.float32),
    "files_unlabelled": np.array(["unlabelled/0.jpg", "unlabelled/1.jpg"]),
}


def test_unlabelled_images_have_features_and_names_only(tmp_path):
    features = load_features(save(tmp_path, **UNLABELLED))
    (only,) = features.folds()
    assert np.array_equal(only.X["unlabelled"], UNLABELLED["X_unlabelled"])
    assert only.files["unlabelled"] == ["unlabelled/0.jpg", "unlabelled/1.jpg"]
    assert list(only.y) == ["train", "val", "test"]
    assert features.tested_files == features.files["test"]


def test_a_single_split_is_one_fold(tmp_path):
    features = load_features(save(tmp_path))
    (only,) = features.folds()
    assert only.X["train"] is features.X["train"]
    assert only.files == features.files
    assert features.tested_files == features.files["test"]


def test_folds_without_further_images_are_allowed(tmp_path):
    features = load_features(save(tmp_path, folds=np.array([[*SECOND[:-3], "test"]])))
    assert [len(fold.y["test"]) for fold in features.folds()] == [3, 2]


def test_pixels_without_columns_are_allowed(tmp_path):
    empty = {f"X_{subset}": ARRAYS[f"X_{subset}"][:, :0] for subset in ("train", "val", "test")}
    assert load_features(save(tmp_path, **empty)).X["test"].shape == (3, 0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"X_val": None}, "is not a valid .npz file"),
        ({"classes": None}, "is not a valid .npz file"),
        ({"classes": np.array(["a", "b", "a"])}, "classes is <U1 of shape (3,); allowed: different strings"),
        ({"classes": np.arange(3)}, "classes is int64 of shape (3,); allowed: different strings"),
        ({"classes": np.array([["a", "b", "c"]])}, "classes is <U1 of shape (1, 3); allowed: different strings"),
        ({"X_train": np.zeros(6)}, "X_train is float64 of shape (6,); allowed: numbers of shape (images, columns)"),
        ({"X_val": np.zeros((2, 3))}, "X_val is float64 of shape (2, 3); allowed: numbers of shape (images, columns)"),
        ({"X_val": np.zeros((0, 2)), "y_val": np.zeros(0, int)}, "X_val is float64 of shape (0, 2); allowed: numbers"),
        ({"X_test": np.full((3, 2), "x")}, "X_test is <U1 of shape (3, 2); allowed: numbers"),
        ({"X_test": np.array([[0, 1], [2, np.nan], [4, 5]])}, "X_test has values that are NaN or infinite; allowed"),
        ({"X_val": np.array([[0, 1], [2, np.inf]])}, "X_val has values that are NaN or infinite; allowed"),
        ({"y_test": np.array([1, 1])}, "y_test is int64 of shape (2,); allowed: integers of shape (3,)"),
        ({"y_test": np.ones(3)}, "y_test is float64 of shape (3,); allowed: integers of shape (3,)"),
        ({**UNLABELLED, "files_unlabelled": None}, "is not a valid .npz file"),
        ({**UNLABELLED, "X_unlabelled": np.zeros((2, 3))}, "X_unlabelled is float64 of shape (2, 3); allowed: numbers"),
        ({**UNLABELLED, "files_unlabelled": np.array(["a"])}, "allowed: strings of shape (2,)"),
        ({**REST, "y_rest": None}, "is not a valid .npz file"),
        ({**REST, "X_rest": np.zeros((2, 3))}, "X_rest is float64 of shape (2, 3); allowed: numbers"),
        ({"folds": np.array([SECOND])}, "folds is <U5 of shape (1, 13); allowed: strings of shape (folds - 1, 11)"),
        ({**REST, "folds": np.zeros((1, 13))}, "folds is float64 of shape (1, 13); allowed: strings of shape (folds"),
        ({**REST, "folds": np.array([fold(train=[1], test=[2])])}, "folds has no image for val; needed: one or more"),
        ({"files_val": None}, "is not a valid .npz file"),
        ({"files_val": np.array(["0.jpg"])}, "files_val is <U5 of shape (1,); allowed: strings of shape (2,)"),
        ({"files_test": np.arange(3)}, "files_test is int64 of shape (3,); allowed: strings of shape (3,)"),
        ({"y_train": np.array([0, 1, 2, 0, 1, 3])}, "y_train has labels from 0 to 3; allowed: 0 to 2"),
        ({"y_val": np.array([-1, 0])}, "y_val has labels from -1 to 0; allowed: 0 to 2"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_arrays_of_wrong_type_shape_or_values_are_refused(tmp_path, changes, message):
    path = save(tmp_path, **changes)
    with pytest.raises(UserError) as refused:
        load_features(path)
    assert str(refused.value).startswith(f"{path}")
    assert message in str(refused.value)


def test_a_missing_features_file_is_refused(tmp_path):
    with pytest.raises(UserError, match="nowhere.npz is missing; `dvc repro` computes it"):
        load_features(tmp_path / "nowhere.npz")


def test_loading_a_file_imports_neither_tensorflow_nor_dvc_nor_modules_of_one_system(tmp_path):
    program = """
import sys
from eurosat_transfer.features import load_features
features = load_features(sys.argv[1])
heavy = ("fcntl", "psutil", "ruamel", "ruamel.yaml", "tensorflow", "keras", "dvc", "sklearn", "pydantic")
print(len(features.classes), [name for name in heavy if name in sys.modules])
"""
    result = run(sys.executable, "-c", program, str(save(tmp_path)), cwd=REPOSITORY)
    assert result.stdout == "3 []\n", result.stderr
