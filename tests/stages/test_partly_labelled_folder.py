"""A folder in which most images have no label, from download to the classifier that learns from them."""

import importlib
from pathlib import Path

import numpy as np
import pytest
from conftest import write_tree

from eurosat_transfer.data.subsets import UNLABELLED
from eurosat_transfer.evaluation.classifier_metrics import read_metrics
from eurosat_transfer.evaluation.classifiers import CLASSIFIERS
from eurosat_transfer.features import load_features
from eurosat_transfer.io.csv_files import read_csv, write_csv
from eurosat_transfer.io.json_files import read_json
from eurosat_transfer.parameters.loading import load_parameters
from eurosat_transfer.prediction.saved_model import load_model
from eurosat_transfer.reporting.model_card import write_model_card
from stages import backbone, compare, download, extract, model, split, spread

pytestmark = pytest.mark.slow
LABELS = 9  # of each class


@pytest.mark.parametrize("folds", [1, 3])
def test_spread_learns_from_images_without_a_row_in_the_table(world, tmp_path, folds):
    tree = write_tree(tmp_path / "mine", images=30)
    rows = [(f"class_{label}/{number}.jpg", f"class_{label}") for label in (0, 1) for number in range(LABELS)]
    write_csv(tree / "labels.csv", ("file", "label"), rows)
    world(**{
        "data.name": "folder", "data.path": str(tree), "split.train": "all", "split.val": 3, "split.test": "all",
        "split.folds": folds, "split.unlabelled": "rest",
    })  # fmt: skip
    for stage in (download, split, backbone, extract, spread):
        stage.main()
    assert read_json("metrics/data.json")["unlabelled"] == 2 * (30 - LABELS)
    metrics = read_json("metrics/spread.json")
    assert (metrics["unlabelled"], metrics["saw_test"]) == (42, False)
    assert len(read_csv("plots/spread_predictions.csv")) == (2 * LABELS if folds > 1 else LABELS)
    features = load_features()
    assert [fold.X[UNLABELLED].shape[0] for fold in features.folds()] == [42] * folds
    labelled = {file for file, _ in rows}
    assert not labelled & set(features.files[UNLABELLED])
    for fold in features.folds():
        assert set(np.concatenate([fold.y[subset] for subset in fold.y])) == {0, 1}
        assert labelled >= {file for subset in ("train", "val", "test") for file in fold.files[subset]}


def test_with_folds_a_refit_model_learns_from_all_labels(world, tmp_path):
    tree = write_tree(tmp_path / "mine", images=30)
    rows = [(f"class_{label}/{number}.jpg", f"class_{label}") for label in (0, 1) for number in range(LABELS)]
    write_csv(tree / "labels.csv", ("file", "label"), rows)
    world(**{
        "data.name": "folder", "data.path": str(tree), "split.train": "all", "split.val": 3, "split.test": "all",
        "split.folds": 3, "split.unlabelled": "rest", "model.classifier": "svm", "model.refit": True,
    })  # fmt: skip
    classifiers = [importlib.import_module(f"stages.{name}") for name in CLASSIFIERS]
    for stage in (download, split, backbone, extract, *classifiers, compare, model):
        stage.main()
    write_model_card(Path("model"), load_parameters().as_dict(), read_metrics()[0], read_json("metrics/compare.json"))
    described = load_model(Path("model")).description
    assert len(described.calibration_scores) == 2 * LABELS  # each label was held out once
    text = Path("model/README.md").read_text(encoding="utf-8")
    assert f"all {2 * LABELS} labels" in text
    assert "It was fitted once more, on all labels\n" in text
    assert sum(map(sum, described.confusion)) == 2 * LABELS
