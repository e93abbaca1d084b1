"""Summaries of how fast networks converge."""

import numpy as np
import pytest
from scipy import stats

from eurosat_transfer.evaluation.convergence import compare_speeds, summarise_trainings


def test_trainings_are_summarised_by_mean_and_standard_deviation():
    assert summarise_trainings([100, 200, None], [0.9, 1.0, 0.8]) == {
        "seeds": 3,
        "converged": 2,
        "iterations": 150.0,
        "iterations_sd": pytest.approx(70.71, abs=0.01),
        "test_accuracy": pytest.approx(0.9),
        "test_accuracy_sd": pytest.approx(0.1),
    }


@pytest.mark.parametrize(("iterations", "mean"), [([None], None), ([7], 7.0)])
def test_a_single_training_has_no_standard_deviation(iterations, mean):
    summary = summarise_trainings(iterations, [0.9])
    assert summary["iterations"] == mean
    assert summary["iterations_sd"] is summary["test_accuracy_sd"] is None


@pytest.mark.parametrize("swap", [False, True])
def test_ratio_is_that_of_the_slower_to_the_faster_activation(swap):
    slow, fast = [200, 330, 480], [100, 110, 120]
    found = compare_speeds({"sigmoid": fast, "relu": slow} if swap else {"sigmoid": slow, "relu": fast})
    assert (found["slower"], found["faster"]) == (("relu", "sigmoid") if swap else ("sigmoid", "relu"))
    assert found["ratio"] == pytest.approx(24 ** (1 / 3))  # of 2, 3 and 4
    test = stats.ttest_rel(np.log(slow), np.log(fast)).confidence_interval(0.95)
    assert (found["low"], found["high"]) == pytest.approx((np.exp(test.low), np.exp(test.high)))
    assert found["beyond_spread"]


def test_a_difference_within_the_spread_is_not_beyond_it():
    found = compare_speeds({"sigmoid": [100, 300, 200], "relu": [200, 150, 180]})
    assert found["low"] < 1 < found["high"]
    assert not found["beyond_spread"]


def test_one_seed_has_a_ratio_without_an_interval():
    found = compare_speeds({"sigmoid": [300], "relu": [100]})
    assert found["ratio"] == pytest.approx(3)
    assert (found["low"], found["high"], found["beyond_spread"]) == (None, None, False)


def test_no_ratio_if_a_training_does_not_converge():
    assert compare_speeds({"sigmoid": [300, None], "relu": [100, 100]}) is None
