"""Results of all stages, as the report needs them."""

from pathlib import Path

import pytest
from example_run import ACTUAL, CLASSES, accuracy, write_classifier, write_run

from eurosat_transfer.errors import UserError
from eurosat_transfer.evaluation.classifiers import CLASSIFIERS
from eurosat_transfer.io.json_files import write_json
from eurosat_transfer.reporting.results import find_worst_mistakes, load_results


@pytest.fixture(autouse=True)
def _run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_run(svm=["SeaLake", "Forest", "SeaLake", "SeaLake"])


def test_the_classifier_with_the_highest_accuracy_comes_first():
    results = load_results()
    for by_classifier in (results.metrics, results.predictions, results.per_class):
        assert list(by_classifier) == list(reversed(CLASSIFIERS))


def test_of_equally_accurate_classifiers_the_cheapest_comes_first(monkeypatch):
    monkeypatch.setattr("example_run.accuracy", lambda name: 0.9 if name in ("probe", "knn") else 0.5)
    write_run()
    others = [name for name in CLASSIFIERS if name not in ("probe", "knn")]
    assert list(load_results().metrics) == ["knn", "probe", *others]


def test_a_class_without_test_images_has_no_figures():
    Path("plots/svm_classes.csv").write_text("class,precision,recall,f1,images\nForest,,,,0\n")
    assert load_results().per_class["svm"]["Forest"] == {
        "class": "Forest",
        "precision": None,
        "recall": None,
        "f1": None,
        "images": 0,
    }


def test_a_run_without_seeds_has_no_findings_of_them():
    assert load_results().seeds == {}
    write_json("metrics/seeds.json", {"svm": {"mean": 0.5}})
    assert load_results().seeds == {"svm": {"mean": 0.5}}


def test_each_classifier_has_its_own_results():
    results = load_results()
    assert {name: metrics["test"]["accuracy"] for name, metrics in results.metrics.items()} == {
        name: accuracy(name) for name in CLASSIFIERS
    }
    assert [row["predicted"] for row in results.predictions["svm"]] == ["SeaLake", "Forest", "SeaLake", "SeaLake"]
    assert [row["predicted"] for row in results.predictions["probe"]] == ACTUAL
    assert results.per_class["svm"]["Forest"]["f1"] == pytest.approx(accuracy("svm") + 0.2)


def test_figures_of_csv_files_are_read_as_numbers():
    results = load_results()
    assert results.per_class["svm"]["SeaLake"] == {
        "class": "SeaLake",
        "precision": 0.9,
        "recall": 0.6,
        "f1": pytest.approx(accuracy("svm") + 0.2),
        "images": 2.0,
    }
    assert results.predictions["probe"][1] == {
        "file": "12.png",
        "actual": "Forest",
        "predicted": "Forest",
        "confidence": 0.625,
    }
    assert results.history["probe"][0] == {
        "epoch": 1.0,
        "loss": 2.0,
        "accuracy": 0.25,
        "val_loss": 2.5,
        "val_accuracy": 0.125,
    }
    assert results.points[1] == {
        "row": 1.0,
        "class": "Forest",
        "feature_x": 1.0,
        "feature_y": -1.0,
        "pixel_x": 2.0,
        "pixel_y": 3.0,
    }
    assert results.curves[0] == {
        "network": "mlp",
        "activation": "sigmoid",
        "rate": 0.5,
        "seed": "0",
        "iteration": 44.0,
        "loss": 0.5,
    }


def test_only_classifiers_that_train_in_epochs_have_a_history():
    assert list(load_results().history) == ["finetune", "probe"]


def test_classifiers_that_fit_subsets_have_their_fits():
    assert load_results().subset_fits == {
        "finetune": [{"classifier": "finetune", "images": 10.0, "draw": "0", "accuracy": 0.45}]
    }


def test_a_new_classifier_is_loaded(monkeypatch):
    monkeypatch.setitem(CLASSIFIERS, "newcomer", "a linear discriminant analysis")
    write_classifier("newcomer", CLASSES, ACTUAL, ACTUAL)
    results = load_results()
    assert next(iter(results.metrics)) == next(iter(results.predictions)) == next(iter(results.per_class)) == "newcomer"


def test_a_missing_results_file_is_an_error():
    Path("metrics/tsne.json").unlink()
    with pytest.raises(FileNotFoundError, match="metrics/tsne.json"):
        load_results()


def test_the_error_names_a_damaged_results_file():
    Path("plots/knn_classes.csv").write_text("class,f1\nForest\n")
    with pytest.raises(UserError, match="plots/knn_classes.csv"):
        load_results()


def row(predicted: str, confidence: float | None = None) -> dict:
    return {"actual": "a", "predicted": predicted} | ({} if confidence is None else {"confidence": confidence})


def test_images_that_more_classifiers_predict_wrongly_come_first():
    predictions = {
        "svm": [row("a"), row("b"), row("b"), row("b")],
        "probe": [row("a", 0.9), row("a", 0.9), row("b", 0.6), row("b", 0.9)],
    }
    assert find_worst_mistakes(predictions, 10) == [3, 2, 1]


def test_confidence_of_correct_predictions_does_not_count():
    predictions = {"svm": [row("b"), row("b", 0.3)], "probe": [row("a", 0.9), row("a", 0.2)]}
    assert find_worst_mistakes(predictions, 10) == [1, 0]


def test_equally_bad_mistakes_stay_in_the_order_of_the_images():
    assert find_worst_mistakes({"svm": [row("b"), row("a"), row("b")]}, 10) == [0, 2]


def test_no_more_mistakes_are_found_than_asked_for():
    assert find_worst_mistakes({"svm": [row("b", 0.1 * i) for i in range(5)]}, 2) == [4, 3]
