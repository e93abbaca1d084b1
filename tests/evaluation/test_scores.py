"""Scores of predictions."""

import warnings

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import brier_score_loss

from eurosat_transfer.evaluation.calibration import calibration_noise, expected_calibration_error
from eurosat_transfer.evaluation.predictions import Prediction, most_probable
from eurosat_transfer.evaluation.scores import score

RNG = np.random.default_rng(0)
ACTUAL = RNG.integers(0, 3, 300)
PROBABILITIES = RNG.dirichlet(np.ones(3), 300) * 0.4 + 0.6 * np.eye(3)[ACTUAL] * (RNG.uniform(size=(300, 1)) < 0.8)
PROBABILITIES /= PROBABILITIES.sum(axis=1, keepdims=True)
PREDICTION = most_probable(ACTUAL, PROBABILITIES)


def certain(actual: list[int], predicted: list[int], classes: int = 2) -> Prediction:
    """Make predictions with probabilities of 0 and 1."""
    return Prediction(np.array(actual), np.array(predicted), np.eye(classes)[predicted])


def f1_by_hand(prediction: Prediction, label: int) -> float:
    actual, predicted = prediction.actual == label, prediction.predicted == label
    return 2 * np.sum(actual & predicted) / (np.sum(actual) + np.sum(predicted))


def test_accuracy_and_macro_f1():
    scores = score(PREDICTION)
    assert scores["accuracy"] == np.sum(PREDICTION.predicted == ACTUAL) / 300
    assert scores["macro_f1"] == pytest.approx(np.mean([f1_by_hand(PREDICTION, label) for label in range(3)]))


def test_a_class_that_is_never_predicted_has_an_f1_of_zero():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = score(certain([0, 0, 1, 1], [0, 0, 0, 0]))
    assert scores["macro_f1"] == pytest.approx((2 * 2 / (2 + 4) + 0) / 2)


def test_a_class_without_images_is_left_out_of_macro_f1_even_if_it_is_predicted():
    scores = score(certain([0, 0, 1, 1], [0, 2, 1, 1], classes=3))
    assert scores["macro_f1"] == pytest.approx((2 / 3 + 1) / 2)


def test_every_score_is_a_plain_number_with_a_name():
    scores = score(PREDICTION)
    assert list(scores) == [
        "accuracy",
        "accuracy_low",
        "accuracy_high",
        "macro_f1",
        "log_loss",
        "brier",
        "ece",
        "ece_expected",
        "ece_limit",
    ]
    assert {type(value) for value in scores.values()} == {float}


def test_interval_of_the_accuracy_is_wilsons():
    scores = score(PREDICTION)
    expected = binomtest(int(PREDICTION.correct.sum()), 300).proportion_ci(method="wilson")
    assert (scores["accuracy_low"], scores["accuracy_high"]) == pytest.approx((expected.low, expected.high))


def test_interval_of_all_correct_has_a_width():
    scores = score(certain([0, 1] * 20, [0, 1] * 20))
    assert scores["accuracy_low"] == pytest.approx(40 / (40 + 1.96**2), abs=1e-4)
    assert scores["accuracy_high"] == 1.0


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


def test_brier_score_is_the_sum_over_the_classes():
    probabilities = np.array([[0.8, 0.2], [0.3, 0.7]])
    scores = score(most_probable(np.array([0, 0]), probabilities))
    assert scores["brier"] == pytest.approx((2 * 0.2**2 + 2 * 0.7**2) / 2)


def test_brier_score_agrees_with_scikit_learn():
    expected = brier_score_loss(ACTUAL, PROBABILITIES, labels=[0, 1, 2], scale_by_half=False)
    assert score(PREDICTION)["brier"] == pytest.approx(expected)


def test_score_measures_calibration_by_the_probability_of_the_predicted_class():
    probabilities = np.array([[0.9, 0.05, 0.05], [0.2, 0.5, 0.3], [0.1, 0.2, 0.7], [0.4, 0.35, 0.25]])
    scores = score(most_probable(np.array([0, 2, 2, 0]), probabilities))
    correct, confidence = np.array([True, False, True, True]), np.array([0.9, 0.5, 0.7, 0.4])
    assert scores["ece"] == pytest.approx(expected_calibration_error(correct, confidence))
    assert (scores["ece_expected"], scores["ece_limit"]) == pytest.approx(calibration_noise(confidence))


def test_scores_are_the_same_in_every_call():
    assert score(PREDICTION) == score(PREDICTION)
