import numpy as np
import pytest
from scipy.stats import bootstrap
from sklearn.metrics import f1_score

from stages.common.evaluation import report, score
from stages.common.files import read_csv, read_json

RNG = np.random.default_rng(0)
ACTUAL = RNG.integers(0, 3, 300)
PREDICTED = np.where(RNG.uniform(size=300) < 0.8, ACTUAL, RNG.integers(0, 3, 300))


def test_the_figures_are_scikit_learns():
    figures = score(ACTUAL, PREDICTED)
    assert figures["accuracy"] == (ACTUAL == PREDICTED).mean()
    assert figures["macro_f1"] == pytest.approx(f1_score(ACTUAL, PREDICTED, average="macro"))


def test_the_interval_is_that_of_a_drawn_bootstrap():
    right = (ACTUAL == PREDICTED).astype(float)
    drawn = bootstrap((right,), np.mean, n_resamples=20000, method="percentile", rng=np.random.default_rng(0))
    figures = score(ACTUAL, PREDICTED)
    interval = (figures["accuracy_low"], figures["accuracy_high"])
    assert interval == pytest.approx(drawn.confidence_interval, abs=0.004)


@pytest.mark.parametrize(("predicted", "accuracy"), [([0], 1.0), ([1], 0.0)])
def test_all_right_and_all_wrong_have_an_interval(predicted, accuracy):
    figures = score(np.array([0]), np.array(predicted))
    assert figures["accuracy_low"] == figures["accuracy"] == figures["accuracy_high"] == accuracy


def test_the_report_counts_every_class(world):
    world()
    report("svm", ["a", "b", "c", "never seen"], (ACTUAL, PREDICTED), (ACTUAL, PREDICTED))
    assert read_json("metrics/svm.json")["test"] == score(ACTUAL, PREDICTED)
    assert [row["class"] for row in read_csv("plots/svm_classes.csv")] == ["a", "b", "c", "never seen"]
    predictions = read_csv("plots/svm_predictions.csv")
    assert [row["actual"] for row in predictions] == ["abc"[label] for label in ACTUAL]
