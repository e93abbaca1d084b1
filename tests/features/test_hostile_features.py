"""Features files that are made to do harm are refused in one line, and no code in them runs."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from eurosat_transfer.errors import UserError
from eurosat_transfer.features.feature_set import load_features


class Evil:
    """Creates the file `ran` when it is unpickled."""

    def __reduce__(self):
        return Path("ran").touch, ()


def refused(message, path="data/features.npz"):
    with pytest.raises(UserError, match=message) as refusal:
        load_features(path)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("name", ["features", "pixels"])
@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"X_val": np.array([Evil()] * 30)}, "Object arrays cannot be loaded"),
        ({"classes": np.array(["a", "b", Evil()])}, "Object arrays cannot be loaded"),
        ({"X_val": np.full((30, 6), np.nan)}, "X_val has values that are NaN or infinite; allowed: finite numbers"),
        ({"X_test": np.full((30, 6), np.inf, np.float32)}, "X_test has values that are NaN or infinite"),
        ({"X_train": np.zeros((59, 6))}, r"y_train is int64 of shape \(60,\); allowed: integers of shape \(59,\)"),
        ({"X_val": np.zeros((30, 7))}, r"X_val is float64 of shape \(30, 7\); allowed: numbers of shape"),
        ({"X_val": np.zeros(30)}, r"X_val is float64 of shape \(30,\)"),
        ({"X_train": np.zeros(60)}, r"X_train is float64 of shape \(60,\)"),
        ({"X_train": np.array(1.0)}, r"X_train is float64 of shape \(\)"),
        ({"X_val": np.zeros((0, 6)), "y_val": np.zeros(0, int)}, r"X_val is float64 of shape \(0, 6\)"),
        ({"X_val": np.zeros((30, 6), complex)}, "X_val is complex128"),
        ({"X_val": np.full((30, 6), "1")}, "X_val is <U1"),
        ({"X_val": np.zeros((30, 6), [("a", int)])}, "X_val is "),
        ({"y_val": np.full(30, 3)}, "y_val has labels from 3 to 3; allowed: 0 to 2"),
        ({"y_val": np.full(30, -1)}, "y_val has labels from -1 to -1"),
        ({"y_val": np.zeros(30)}, "y_val is float64"),
        ({"y_val": np.zeros(30, bool)}, "y_val is bool"),
        ({"y_val": np.zeros((30, 1), int)}, r"y_val is int64 of shape \(30, 1\)"),
        ({"classes": np.array([1, 2, 3])}, "classes is int64"),
        ({"classes": np.array("abc")}, r"classes is <U3 of shape \(\)"),
        ({"classes": np.array(["a", "b", "a"])}, r"classes is <U1 of shape \(3,\); allowed: different strings"),
        ({"classes": np.array([], "U1")}, "y_train has labels from 0 to 2; allowed: 0 to -1"),
    ],
)
def test_arrays_that_are_not_features_are_refused(features, name, changed, message):
    np.savez(f"data/{name}.npz", **features | {"classes": np.array(["a", "b", "c"])} | changed)
    refused(f"data/{name}.npz.*{message}", f"data/{name}.npz")
    assert not Path("ran").exists()


@pytest.fixture
def arrays(features):
    """Return all arrays of data/features.npz."""
    return features | {"classes": np.array(["a", "b", "c"])}


def test_compressed_features_are_read(arrays):
    np.savez_compressed("data/features.npz", **arrays)
    assert load_features().X["train"].shape == (60, 6)


def test_a_single_array_instead_of_features_is_refused(arrays):
    np.save("data/one.npy", arrays["X_train"])
    refused(r"one\.npy is not a valid \.npz file", "data/one.npy")


def test_a_file_that_unpacks_to_far_more_than_its_size_is_refused(arrays):
    arrays["X_val"] = np.zeros((30, 9 * 10**6), np.uint8)
    np.savez_compressed("data/features.npz", **arrays)
    refused(r"it unpacks to \d+ bytes; allowed for its size: \d+")


@pytest.mark.usefixtures("features")
def test_lzma_compression_is_refused():
    with zipfile.ZipFile("data/features.npz", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("X_train.npy", b"1")
    refused(r"'X_train.npy' has an unsupported compression \(allowed: stored, deflated\)")


def test_features_whose_members_are_no_arrays_are_refused(arrays):
    with zipfile.ZipFile("data/features.npz", "w") as archive:
        for key in arrays:
            archive.writestr(key, b"no array")
    refused("not all of X_train, .* are arrays")
