"""Files with the results of a classifier."""

from pathlib import Path

import numpy as np
import pytest

from eurosat_transfer.evaluation.predictions import Prediction, Results, most_probable
from eurosat_transfer.evaluation.results_files import write_results
from eurosat_transfer.evaluation.scores import score
from eurosat_transfer.io.csv_files import read_csv
from eurosat_transfer.io.json_files import read_json

CLASSES = ["a", "b", "c"]  # no image is of class c
# Two of three images of class a are predicted as b: precision and recall differ for both classes.
TEST = Prediction(np.array([0, 0, 0, 1]), np.array([0, 1, 1, 1]))
VAL = Prediction(np.array([0, 1]), np.array([0, 1]))


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_metrics_have_the_scores_of_val_and_test():
    write_results("svm", CLASSES, Results(VAL, TEST))
    assert read_json("metrics/svm.json") == {"val": score(VAL), "test": score(TEST)}
    assert (score(VAL)["accuracy"], score(TEST)["accuracy"]) == (1.0, 0.5)


def test_metrics_have_the_chosen_parameters():
    write_results("probe", CLASSES, Results(VAL, TEST, {"lr": 0.1}))
    assert read_json("metrics/probe.json")["chosen"] == {"lr": 0.1}


def test_class_table_has_precision_recall_f1_and_number_of_images():
    write_results("svm", CLASSES, Results(VAL, TEST))
    rows = {row.pop("class"): {key: float(value) for key, value in row.items()} for row in classes_table()}
    assert rows == {
        "a": {"precision": 1.0, "recall": pytest.approx(1 / 3), "f1": 0.5, "images": 3},
        "b": {"precision": pytest.approx(1 / 3), "recall": 1.0, "f1": 0.5, "images": 1},
        "c": {"precision": 0, "recall": 0, "f1": 0, "images": 0},
    }


def classes_table() -> list[dict[str, str]]:
    return read_csv("plots/svm_classes.csv")


def test_class_table_has_the_classes_in_their_order():
    names = ["z", "y", "never seen"]
    write_results("svm", names, Results(VAL, TEST))
    assert [row["class"] for row in classes_table()] == names
    assert list(classes_table()[0]) == ["class", "precision", "recall", "f1", "images"]


def test_predictions_are_in_the_order_of_the_test_images():
    write_results("svm", CLASSES, Results(VAL, TEST))
    assert Path("plots/svm_predictions.csv").read_text() == "actual,predicted\na,a\na,b\na,b\nb,b\n"


def test_predictions_have_the_confidence_if_there_are_probabilities():
    probabilities = np.array([[0.75, 0.125, 0.125], [0.25, 0.25, 0.5]])
    test = most_probable(np.array([0, 1]), probabilities)
    write_results("probe", CLASSES, Results(VAL, test))
    lines = Path("plots/probe_predictions.csv").read_text().splitlines()
    assert lines == ["actual,predicted,confidence", "a,a,0.75", "b,c,0.5"]


def test_figures_are_not_rounded():
    test = most_probable(np.array([0, 1]), np.array([[1 / 3, 1 / 3, 1 / 3], [0.1, 0.7 + 1e-12, 0.2]]))
    write_results("probe", CLASSES, Results(VAL, test))
    assert [float(row["confidence"]) for row in read_csv("plots/probe_predictions.csv")] == [1 / 3, 0.7 + 1e-12]
    assert read_json("metrics/probe.json")["test"]["log_loss"] == score(test)["log_loss"]


def test_summary_is_printed(capsys):
    write_results("probe", CLASSES, Results(VAL, TEST, {"lr": 0.03, "C": 10}))
    table, *_, chosen, summary = capsys.readouterr().out.rstrip().splitlines()
    assert table.split() == ["precision", "recall", "f1-score", "support"]
    assert chosen == "chosen on val: lr=0.03, C=10"
    assert summary == "probe: val accuracy 1.000, test accuracy 0.500 (95 % interval 0.000 to 1.000)"


def test_chosen_parameters_are_left_out_if_there_are_none(capsys):
    write_results("svm", CLASSES, Results(VAL, TEST))
    assert "chosen" not in capsys.readouterr().out
    assert "chosen" not in read_json("metrics/svm.json")
