"""A classifier is evaluated on every fold, from the split to the predictions."""

from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from conftest import encoded, write_tree

from eurosat_transfer.data.selection import read_selection
from eurosat_transfer.evaluation.classifiers import CLASSIFIERS
from eurosat_transfer.features.feature_set import load_features
from eurosat_transfer.io.csv_files import read_csv
from eurosat_transfer.io.json_files import read_json
from stages import knn

FOLDS = {"split.folds": 3, "split.train": "all", "split.val": 9, "split.test": "all", "labels.sizes": [1, 2]}


@pytest.fixture
def rare(world, tmp_path):
    """Write a tree of two classes with 40 images and a class with 6, and parameters for three folds."""
    tree = write_tree(tmp_path / "mine")
    (tree / "rare").mkdir()
    for number in range(6):
        (tree / "rare" / f"{number}.jpg").write_bytes(encoded((0, 9 * number, 255 - 9 * number)))
    return world(**{"data.name": "folder", "data.path": str(tree), **FOLDS})


CURVES = ("bands_labels", "svm_labels", "probe_labels", "spread_labels")


@pytest.mark.slow
@pytest.mark.usefixtures("rare")
def test_every_classifier_predicts_every_image_once():
    for stage in ("download", "split", "backbone", "extract", *CLASSIFIERS, "tsne", *CURVES, "labels"):
        import_module(f"stages.{stage}").main()
    selection, features = read_selection(), load_features()
    for of_tiles, of_features in zip(selection.folds(), features.folds(), strict=True):
        for subset, y in of_tiles.labels.items():
            assert of_features.files[subset] == of_tiles.files[subset]
            assert np.array_equal(of_features.y[subset], y)
    names = [row["file"] for row in read_csv("data/index.csv")]
    assert features.tested_files == selection.pooled().files["test"]
    assert sorted(features.tested_files) == sorted(names)
    of_class = {row["file"]: row["class"] for row in read_csv("data/index.csv")}
    for name in CLASSIFIERS:
        rows = read_csv(f"plots/{name}_predictions.csv")
        assert [row["file"] for row in rows] == features.tested_files
        assert [row["actual"] for row in rows] == [of_class[file] for file in features.tested_files]
        assert read_json(f"metrics/{name}.json")["training_labels"] == 48
    assert {row["class"]: float(row["images"]) for row in read_csv("plots/svm_classes.csv")}["rare"] == 6
    shown = [(int(row["row"]), row["class"]) for row in read_csv("plots/tsne.csv")]
    assert [name for _, name in shown] == [of_class[features.tested_files[row]] for row, _ in shown]


@pytest.mark.usefixtures("features")
def test_each_fold_is_predicted_by_a_classifier_that_has_not_seen_it(world):
    """Every row has a label of its own kind at random, so that only a row that was trained on is predicted rightly."""
    world(**{"knn.k": 1})
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 90)
    X = rng.normal(size=(90, 6)).astype(np.float32)
    ends = {"train": (0, 50), "val": (50, 60), "test": (60, 90)}
    arrays = {f"X_{subset}": X[slice(*part)] for subset, part in ends.items()}
    arrays |= {f"y_{subset}": y[slice(*part)] for subset, part in ends.items()}
    arrays |= {f"files_{subset}": [f"{i}.jpg" for i in range(*part)] for subset, part in ends.items()}
    second, third = (np.array(["test"] * 30 + ["val"] * 10 + ["train"] * 50), np.array(["train"] * 90))
    third[30:60], third[60:70] = "test", "val"
    np.savez("data/features.npz", **arrays, folds=np.array([second, third]), classes=np.array(["a", "b", "c"]))
    knn.main()
    rows = read_csv("plots/knn_predictions.csv")
    assert [row["file"] for row in rows] == [f"{i}.jpg" for i in (*range(60, 90), *range(30), *range(30, 60))]
    assert [row["actual"] for row in rows] == ["abc"[y[int(row["file"].removesuffix(".jpg"))]] for row in rows]
    assert sum(row["actual"] == row["predicted"] for row in rows) < 50
    assert Path("metrics/knn.json").exists()
