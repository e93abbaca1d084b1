import numpy as np
import pytest
from scipy.stats import bootstrap
from sklearn.metrics import f1_score

from stages.common.evaluation import Prediction, calibration_error, most_probable, report, score
from stages.common.files import read_csv, read_json

RNG = np.random.default_rng(0)
ACTUAL = RNG.integers(0, 3, 300)
PREDICTED = np.where(RNG.uniform(size=300) < 0.8, ACTUAL, RNG.integers(0, 3, 300))
SAID = Prediction(ACTUAL, PREDICTED)


def test_the_figures_are_scikit_learns():
    figures = score(SAID)
    assert figures["accuracy"] == (ACTUAL == PREDICTED).mean()
    assert figures["macro_f1"] == pytest.approx(f1_score(ACTUAL, PREDICTED, average="macro"))


def test_the_interval_is_that_of_a_drawn_bootstrap():
    right = (ACTUAL == PREDICTED).astype(float)
    drawn = bootstrap((right,), np.mean, n_resamples=20000, method="percentile", rng=np.random.default_rng(0))
    figures = score(SAID)
    interval = (figures["accuracy_low"], figures["accuracy_high"])
    assert interval == pytest.approx(drawn.confidence_interval, abs=0.004)


@pytest.mark.parametrize(("predicted", "accuracy"), [([0], 1.0), ([1], 0.0)])
def test_all_right_and_all_wrong_have_an_interval(predicted, accuracy):
    figures = score(Prediction(np.array([0]), np.array(predicted)))
    assert figures["accuracy_low"] == figures["accuracy"] == figures["accuracy_high"] == accuracy


def test_the_report_counts_every_class(world):
    world()
    report("svm", ["a", "b", "c", "never seen"], SAID, SAID)
    assert read_json("metrics/svm.json")["test"] == score(SAID)
    assert [row["class"] for row in read_csv("plots/svm_classes.csv")] == ["a", "b", "c", "never seen"]
    predictions = read_csv("plots/svm_predictions.csv")
    assert [row["actual"] for row in predictions] == ["abc"[label] for label in ACTUAL]


def test_log_loss_is_the_mean_surprise_in_nats():
    probabilities = np.array([[0.8, 0.2], [0.3, 0.7], [0.5, 0.5]], np.float32)
    figures = score(most_probable(np.array([0, 0, 1]), probabilities))
    assert figures["log_loss"] == pytest.approx(-np.log([0.8, 0.3, 0.5]).mean())
    assert figures["accuracy"] == pytest.approx(1 / 3)


def test_calibration_error_by_hand():
    # Two bins of [0.5, 1]: two answers at 0.6, one right (gap 0.1); two at 0.9, both right (gap 0.1).
    right, confidence = np.array([True, False, True, True]), np.array([0.6, 0.6, 0.9, 0.9])
    assert calibration_error(right, confidence, bins=4) == pytest.approx(0.1)
    assert calibration_error(np.array([True]), np.array([1.0])) == 0.0
    assert calibration_error(np.array([False]), np.array([1.0])) == 1.0


def test_only_probabilities_have_a_log_loss_and_a_confidence(world):
    world()
    assert not {"log_loss", "ece"} & set(score(SAID))
    probabilities = np.eye(3)[PREDICTED] * 0.7 + 0.1
    said = most_probable(ACTUAL, probabilities)
    report("probe", list("abc"), said, said, {"lr": 0.1})
    assert read_json("metrics/probe.json")["chosen"] == {"lr": 0.1}
    assert {row["confidence"] for row in read_csv("plots/probe_predictions.csv")} == {"0.7999999999999999"}
