"""Features of several kinds, joined with equal weights."""

import dataclasses

import numpy as np
import pytest

from eurosat_transfer.data.subsets import UNLABELLED
from eurosat_transfer.errors import UserError
from eurosat_transfer.features.blocks import load_blocks, scale_blocks
from eurosat_transfer.features.feature_set import Block, load_features


@pytest.fixture
def both(features):
    """Write data/features.npz and data/bands.npz of the same images. The bands have 4 columns of large numbers."""
    rng = np.random.default_rng(1)
    scale = np.array([1000.0, 1.0, 0.001, 0.0])
    bands = {key: rng.normal(5, 1, (len(X), 4)) * scale for key, X in features.items() if key.startswith("X_")}
    rest = {key: array for key, array in features.items() if not key.startswith("X_")}
    arrays = {key: X.astype(np.float32) for key, X in bands.items()} | rest | {"classes": np.array(["a", "b", "c"])}
    np.savez("data/bands.npz", **arrays)
    return arrays


@pytest.mark.usefixtures("both")
def test_features_of_the_network_alone_stay_as_they_are():
    loaded = load_blocks(["deep"])
    assert loaded.blocks == ()
    np.testing.assert_array_equal(loaded.X["test"], load_features().X["test"])
    assert scale_blocks(loaded) is loaded


def test_columns_follow_each_other_in_the_order_of_the_names(both, features):
    joined = load_blocks(["bands", "deep"])
    assert joined.blocks == (Block(4, True), Block(6, False))
    for subset, X in joined.X.items():
        np.testing.assert_array_equal(X, np.hstack([both[f"X_{subset}"], features[f"X_{subset}"]]))
    assert joined.files["test"] == features["files_test"].tolist()


@pytest.mark.usefixtures("both")
def test_each_block_has_the_same_mean_squared_distance():
    scaled = scale_blocks(load_blocks(["deep", "bands"]))
    assert scaled.blocks == ()
    train = scaled.X["train"].astype(np.float64)
    np.testing.assert_allclose([train[:, :6].var(axis=0).sum(), train[:, 6:].var(axis=0).sum()], 1, rtol=1e-5)


@pytest.mark.usefixtures("both")
def test_columns_with_units_get_the_same_deviation_and_others_keep_their_proportions():
    raw, scaled = load_blocks(["deep", "bands"]), scale_blocks(load_blocks(["deep", "bands"]))
    deviations = scaled.X["train"].astype(np.float64).std(axis=0)
    np.testing.assert_allclose(deviations[6:], [3**-0.5] * 3 + [0], rtol=1e-4)  # the last one is constant
    ratio = deviations[:6] / raw.X["train"][:, :6].astype(np.float64).std(axis=0)
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-4)


@pytest.mark.usefixtures("both")
def test_only_train_decides_the_scale():
    joined = load_blocks(["bands"])
    other = dataclasses.replace(joined, X=joined.X | {"test": joined.X["test"] * 100})
    one, two = scale_blocks(joined), scale_blocks(other)
    np.testing.assert_array_equal(one.X["train"], two.X["train"])
    np.testing.assert_array_equal(one.X["val"], two.X["val"])


def test_images_without_labels_and_their_features_are_left_out(both, features):
    more = {f"X_{UNLABELLED}": features["X_test"], f"files_{UNLABELLED}": features["files_test"]}
    np.savez("data/features.npz", **features, **more, classes=both["classes"])
    assert set(load_blocks(["deep", "bands"]).X) == {"train", "val", "test"}
    assert UNLABELLED in load_blocks(["deep"]).X


@pytest.mark.parametrize("key", ["files_test", "y_train"])
def test_features_of_other_images_are_refused(both, key):
    np.savez("data/bands.npz", **both | {key: np.roll(both[key], 1)})
    with pytest.raises(UserError, match=r"data/bands\.npz and data/features\.npz are not of the same images"):
        load_blocks(["deep", "bands"])


@pytest.mark.usefixtures("both")
def test_folds_and_selected_rows_keep_the_blocks():
    joined = load_blocks(["deep", "bands"])
    assert next(joined.folds()).blocks == joined.blocks
    assert joined.with_train_rows(np.arange(9)).blocks == joined.blocks
    assert joined.with_all_in_train().blocks == joined.blocks
