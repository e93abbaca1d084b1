"""Calibration of confidences."""

from itertools import pairwise

import numpy as np
import pytest

from eurosat_transfer.evaluation.calibration import calibration_noise, describe_calibration, expected_calibration_error


def calibration_error_by_hand(correct: np.ndarray, confidence: np.ndarray, limits: np.ndarray) -> float:
    total = 0.0
    for low, high in pairwise(limits):
        inside = (confidence >= low) & ((confidence < high) | (high == limits[-1]))
        if inside.any():
            total += inside.sum() * abs(correct[inside].mean() - confidence[inside].mean())
    return total / len(correct)


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


def test_noise_of_one_confidence_is_that_of_a_binomial_share():
    """All images are in one bin, so the error is the distance of a share from 0.8: normal, with this deviation."""
    deviation = (0.8 * 0.2 / 2000) ** 0.5
    expected, limit = calibration_noise(np.full(2000, 0.8))
    assert expected == pytest.approx(deviation * (2 / np.pi) ** 0.5, rel=0.1)
    assert limit == pytest.approx(2.576 * deviation, rel=0.05)


def test_a_calibrated_model_exceeds_the_limit_in_one_percent_of_all_cases():
    rng = np.random.default_rng(2)
    confidence = rng.uniform(0.2, 1, 160)
    expected, limit = calibration_noise(confidence)
    errors = np.array([expected_calibration_error(rng.random(160) < confidence, confidence) for _ in range(5000)])
    assert errors.mean() == pytest.approx(expected, rel=0.03)
    assert 0.005 < (errors > limit).mean() < 0.015


def test_more_images_have_less_noise():
    confidence = np.random.default_rng(0).uniform(0.2, 1, 2000)
    assert calibration_noise(confidence)[1] < calibration_noise(confidence[:100])[0] / 2


def test_full_confidence_has_no_noise():
    assert calibration_noise(np.ones(20)) == (0.0, 0.0)


CHANCE = (
    "what a perfectly calibrated model with the same confidences shows by chance "
    "(0.041 on average, below 0.055 in 99 % of all draws)"
)


def test_calibration_error_within_chance_is_described():
    sentence = describe_calibration("svm", {"ece": 0.053, "ece_expected": 0.041, "ece_limit": 0.055})
    assert sentence == f"The calibration error of svm is 0.053, which is within {CHANCE}"


def test_calibration_error_above_chance_is_described():
    sentence = describe_calibration("svm", {"ece": 0.056, "ece_expected": 0.041, "ece_limit": 0.055})
    assert sentence == (
        f"The calibration error of svm is 0.056, which is above {CHANCE}: do not take its confidences for probabilities"
    )
