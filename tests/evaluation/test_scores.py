"""Scores of predictions."""

import math
import warnings
from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import bootstrap

from eurosat_transfer.evaluation.predictions import Prediction, most_probable
from eurosat_transfer.evaluation.scores import accuracy_interval, expected_calibration_error, score

RNG = np.random.default_rng(0)
ACTUAL = RNG.integers(0, 3, 300)
PREDICTED = np.where(RNG.uniform(size=300) < 0.8, ACTUAL, RNG.integers(0, 3, 300))
PREDICTION = Prediction(ACTUAL, PREDICTED)


def f1_by_hand(prediction: Prediction, label: int) -> float:
    actual, predicted = prediction.actual == label, prediction.predicted == label
    return 2 * np.sum(actual & predicted) / (np.sum(actual) + np.sum(predicted))


def calibration_error_by_hand(correct: np.ndarray, confidence: np.ndarray, limits: np.ndarray) -> float:
    total = 0.0
    for low, high in pairwise(limits):
        inside = (confidence >= low) & ((confidence < high) | (high == limits[-1]))
        if inside.any():
            total += inside.sum() * abs(correct[inside].mean() - confidence[inside].mean())
    return total / len(correct)


def test_accuracy_and_macro_f1():
    scores = score(PREDICTION)
    assert scores["accuracy"] == np.sum(ACTUAL == PREDICTED) / 300
    assert scores["macro_f1"] == pytest.approx(np.mean([f1_by_hand(PREDICTION, label) for label in range(3)]))


def test_a_class_that_is_never_predicted_has_an_f1_of_zero():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = score(Prediction(np.array([0, 0, 1, 1]), np.array([0, 0, 0, 0])))
    assert scores["macro_f1"] == pytest.approx((2 * 2 / (2 + 4) + 0) / 2)


def test_predictions_without_probabilities_have_four_scores():
    assert set(score(PREDICTION)) == {"accuracy", "accuracy_low", "accuracy_high", "macro_f1"}


def test_accuracy_interval_agrees_with_a_drawn_bootstrap():
    correct = (ACTUAL == PREDICTED).astype(float)
    drawn = bootstrap((correct,), np.mean, n_resamples=20000, method="percentile", rng=np.random.default_rng(0))
    scores = score(PREDICTION)
    interval = (scores["accuracy_low"], scores["accuracy_high"])
    assert interval == pytest.approx(drawn.confidence_interval, abs=0.004)


@pytest.mark.parametrize(("accuracy", "count"), [(0.5, 10), (0.9, 40), (0.3, 7), (0.99, 200)])
def test_accuracy_interval_ends_at_the_quantiles_of_the_binomial_distribution(accuracy, count):
    shares = [math.comb(count, k) * accuracy**k * (1 - accuracy) ** (count - k) for k in range(count + 1)]
    below = np.cumsum(shares)
    expected = (np.argmax(below >= 0.025) / count, np.argmax(below >= 0.975) / count)
    assert accuracy_interval(accuracy, count) == pytest.approx(expected)


@pytest.mark.parametrize(("predicted", "accuracy"), [([0], 1.0), ([1], 0.0)])
def test_interval_of_all_correct_and_of_all_wrong_is_one_point(predicted, accuracy):
    scores = score(Prediction(np.array([0]), np.array(predicted)))
    assert scores["accuracy_low"] == scores["accuracy"] == scores["accuracy_high"] == accuracy


def test_log_loss_is_the_mean_negative_logarithm():
    probabilities = np.array([[0.8, 0.2], [0.3, 0.7], [0.5, 0.5]], np.float32)
    scores = score(most_probable(np.array([0, 0, 1]), probabilities))
    assert scores["log_loss"] == pytest.approx(-np.log([0.8, 0.3, 0.5]).mean())
    assert scores["accuracy"] == pytest.approx(1 / 3)


def test_log_loss_accepts_a_class_without_images():
    probabilities = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1]])
    scores = score(most_probable(np.array([0, 1]), probabilities))
    assert scores["log_loss"] == pytest.approx(-np.log([0.7, 0.8]).mean())


def test_rounding_of_float32_probabilities_gives_no_warning():
    probabilities = np.random.default_rng(0).dirichlet(np.ones(50), 20).astype(np.float32)
    probabilities *= np.float32(1 + 1e-4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = score(most_probable(np.zeros(20, int), probabilities))
    exact = probabilities.astype(float) / probabilities.astype(float).sum(axis=1, keepdims=True)
    assert scores["log_loss"] == pytest.approx(-np.log(exact[:, 0]).mean())


def test_calibration_error_by_hand():
    # Two of four bins are used. [0.5, 0.75): two predictions at 0.6, one is correct: a gap of 0.1.
    # [0.75, 1]: two predictions at 0.9, both are correct: a gap of 0.1.
    correct, confidence = np.array([True, False, True, True]), np.array([0.6, 0.6, 0.9, 0.9])
    assert expected_calibration_error(correct, confidence, bins=4) == pytest.approx(0.1)


def test_calibration_error_at_full_confidence():
    assert expected_calibration_error(np.array([True]), np.array([1.0])) == 0.0
    assert expected_calibration_error(np.array([False]), np.array([1.0])) == 1.0


def test_calibration_error_weights_bins_by_their_images():
    # Three predictions at 0.8 are all wrong, one at 0.2 is wrong.
    confidence = np.array([0.8, 0.8, 0.8, 0.2])
    assert expected_calibration_error(np.zeros(4, bool), confidence) == pytest.approx((3 * 0.8 + 0.2) / 4)


def test_calibration_uses_fifteen_bins_of_equal_width():
    rng = np.random.default_rng(1)
    confidence = rng.uniform(size=100)
    correct = rng.uniform(size=100) < 0.5  # without a relation to the confidence, every limit of a bin matters
    expected = calibration_error_by_hand(correct, confidence, np.linspace(0, 1, 16))
    assert expected_calibration_error(correct, confidence) == pytest.approx(expected)
    for bins in (10, 14, 16, 20):
        assert calibration_error_by_hand(correct, confidence, np.linspace(0, 1, bins + 1)) != pytest.approx(expected)


def test_score_measures_calibration_by_the_probability_of_the_predicted_class():
    probabilities = np.array([[0.9, 0.05, 0.05], [0.2, 0.5, 0.3], [0.1, 0.2, 0.7], [0.4, 0.35, 0.25]])
    prediction = most_probable(np.array([0, 2, 2, 0]), probabilities)
    correct = np.array([True, False, True, True])
    expected = calibration_error_by_hand(correct, np.array([0.9, 0.5, 0.7, 0.4]), np.linspace(0, 1, 16))
    assert score(prediction)["ece"] == pytest.approx(expected)
