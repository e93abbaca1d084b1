"""Files with the results of a classifier."""

from pathlib import Path

import numpy as np
import pytest

from eurosat_transfer.evaluation.predictions import Results, most_probable
from eurosat_transfer.evaluation.results_files import write_results
from eurosat_transfer.evaluation.scores import score
from eurosat_transfer.io.csv_files import read_csv
from eurosat_transfer.io.json_files import read_json

CLASSES = ["a", "b", "c"]  # no image is of class c
# Two of three images of class a are predicted as b: precision and recall differ for both classes.
TEST = most_probable(np.array([0, 0, 0, 1]), np.array([[0.75, 0.125, 0.125], *[[0.25, 0.5, 0.25]] * 3]))
VAL = most_probable(np.array([0, 1]), np.array([[0.5, 0.25, 0.25], [0.25, 0.5, 0.25]]))
FILES = ["a/1.jpg", "a/2.jpg", "a/3.jpg", "b/1.jpg"]


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_metrics_have_the_scores_of_val_and_test():
    write_results("svm", CLASSES, FILES, Results(VAL, TEST, 7))
    assert read_json("metrics/svm.json") == {"val": score(VAL), "test": score(TEST), "training_labels": 7}
    assert (score(VAL)["accuracy"], score(TEST)["accuracy"]) == (1.0, 0.5)


def test_metrics_have_the_chosen_parameters():
    write_results("probe", CLASSES, FILES, Results(VAL, TEST, 7, {"lr": 0.1}))
    assert read_json("metrics/probe.json")["chosen"] == {"lr": 0.1}


def test_metrics_say_what_a_classifier_learned_from_without_labels():
    write_results("spread", CLASSES, FILES, Results(VAL, TEST, 7, unlabelled=0, saw_test=False))
    metrics = read_json("metrics/spread.json")
    assert (metrics["unlabelled"], metrics["saw_test"]) == (0, False)


def test_class_table_has_precision_recall_f1_and_number_of_images():
    write_results("svm", CLASSES, FILES, Results(VAL, TEST, 7))
    *rows, absent = ({key: value for key, value in row.items() if key != "class"} for row in classes_table())
    assert [{key: float(value) for key, value in row.items()} for row in rows] == [
        {"precision": 1.0, "recall": pytest.approx(1 / 3), "f1": 0.5, "images": 3},
        {"precision": pytest.approx(1 / 3), "recall": 1.0, "f1": 0.5, "images": 1},
    ]
    assert absent == {"precision": "", "recall": "", "f1": "", "images": "0"}


def test_a_predicted_class_without_test_images_has_no_figures():
    probabilities = np.array([[0.75, 0.125, 0.125], [0.25, 0.25, 0.5]])
    test = most_probable(np.array([0, 1]), probabilities)
    write_results("svm", CLASSES, FILES[:2], Results(VAL, test, 7))
    assert list(classes_table()[2].values()) == ["c", "", "", "", "0"]


def test_macro_f1_is_the_mean_of_the_class_table():
    probabilities = np.array([[0.75, 0.125, 0.125], [0.25, 0.25, 0.5], [0.25, 0.5, 0.25]])
    test = most_probable(np.array([0, 0, 1]), probabilities)
    write_results("svm", CLASSES, FILES[:3], Results(VAL, test, 7))
    in_table = [float(row["f1"]) for row in classes_table() if row["f1"]]
    assert read_json("metrics/svm.json")["test"]["macro_f1"] == pytest.approx(sum(in_table) / len(in_table))


def test_a_class_that_is_never_predicted_has_a_precision_of_zero():
    test = most_probable(np.array([0, 1]), np.array([[0.75, 0.125, 0.125], [0.5, 0.25, 0.25]]))
    write_results("svm", CLASSES, FILES[:2], Results(VAL, test, 7))
    assert list(classes_table()[1].values()) == ["b", "0.0", "0.0", "0.0", "1"]


def classes_table() -> list[dict[str, str]]:
    return read_csv("plots/svm_classes.csv")


def test_class_table_has_the_classes_in_their_order():
    names = ["z", "y", "never seen"]
    write_results("svm", names, FILES, Results(VAL, TEST, 7))
    assert [row["class"] for row in classes_table()] == names
    assert list(classes_table()[0]) == ["class", "precision", "recall", "f1", "images"]


def test_predictions_are_in_the_order_of_the_test_images():
    write_results("svm", CLASSES, FILES, Results(VAL, TEST, 7))
    lines = Path("plots/svm_predictions.csv").read_text().splitlines()
    assert lines == [
        "file,actual,predicted,confidence",
        "a/1.jpg,a,a,0.75",
        "a/2.jpg,a,b,0.5",
        "a/3.jpg,a,b,0.5",
        "b/1.jpg,b,b,0.5",
    ]


def test_predictions_have_the_probability_of_the_predicted_class():
    probabilities = np.array([[0.75, 0.125, 0.125], [0.25, 0.25, 0.5]])
    test = most_probable(np.array([0, 1]), probabilities)
    write_results("probe", CLASSES, FILES[:2], Results(VAL, test, 7))
    lines = Path("plots/probe_predictions.csv").read_text().splitlines()
    assert lines == ["file,actual,predicted,confidence", "a/1.jpg,a,a,0.75", "a/2.jpg,b,c,0.5"]


def test_figures_are_not_rounded():
    test = most_probable(np.array([0, 1]), np.array([[1 / 3, 1 / 3, 1 / 3], [0.1, 0.7 + 1e-12, 0.2]]))
    write_results("probe", CLASSES, FILES[:2], Results(VAL, test, 7))
    assert [float(row["confidence"]) for row in read_csv("plots/probe_predictions.csv")] == [1 / 3, 0.7 + 1e-12]
    assert read_json("metrics/probe.json")["test"]["log_loss"] == score(test)["log_loss"]


def test_summary_is_printed(capsys):
    write_results("probe", CLASSES, FILES, Results(VAL, TEST, 7, {"lr": 0.03, "C": 10}))
    table, *lines, absent, chosen, summary = capsys.readouterr().out.rstrip().splitlines()
    assert table.split() == ["precision", "recall", "f1-score", "support"]
    assert [line.split()[0] for line in lines if line][:2] == ["a", "b"]
    assert absent == "classes without test images: c"
    assert chosen == "chosen: lr=0.03, C=10"
    assert summary == "probe: val accuracy 1.000, test accuracy 0.500 (95 % interval 0.150 to 0.850)"


def test_summary_names_no_absent_classes_if_all_have_images(capsys):
    write_results("probe", CLASSES[:2], FILES, Results(VAL, TEST, 7))
    assert "without test images" not in capsys.readouterr().out


def test_chosen_parameters_are_left_out_if_there_are_none(capsys):
    write_results("svm", CLASSES, FILES, Results(VAL, TEST, 7))
    assert "chosen" not in capsys.readouterr().out
    assert "chosen" not in read_json("metrics/svm.json")


def test_a_class_without_test_images_has_a_whole_number_of_them():
    test = most_probable(np.array([0, 1]), np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1]]))  # nor is it ever predicted
    write_results("probe", CLASSES, FILES[:2], Results(VAL, test, 7))
    assert [row["images"] for row in read_csv("plots/probe_classes.csv")] == ["1", "1", "0"]
