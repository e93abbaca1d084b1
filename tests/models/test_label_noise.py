"""Calibration with labels of which some are wrong."""

import numpy as np
import pytest
from scipy.special import softmax

from eurosat_transfer.models.calibration import fit_temperature
from eurosat_transfer.models.label_noise import fit_label_noise

CLASSES = 10


def draw(noise: float, count: int = 4000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draw scores, and labels with the probabilities softmax(scores / 2); a share of the labels is random."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 8, (count, CLASSES))
    labels = np.array([rng.choice(CLASSES, p=p) for p in softmax(scores / 2, axis=1)])
    wrong = rng.random(count) < noise
    return scores, np.where(wrong, rng.integers(0, CLASSES, count), labels)


@pytest.mark.parametrize("noise", [0, 0.02, 0.05, 0.2, 0.5])
def test_temperature_and_noise_are_found(noise):
    found = fit_label_noise(*draw(noise))
    assert found.temperature == pytest.approx(2, rel=0.1)
    assert found.noise == pytest.approx(noise, abs=0.012)


def test_temperature_scaling_alone_takes_wrong_labels_for_doubt():
    scores, labels = draw(0.05)
    assert fit_temperature(scores, labels) > 2.5
    assert fit_label_noise(scores, labels).temperature < 2.2


def test_a_few_rows_that_are_all_right_keep_a_moderate_temperature():
    """Without the prior, the temperature would be the smallest that is allowed."""
    scores = 3 * np.eye(3)[[0, 1, 2]]
    assert fit_label_noise(scores, np.arange(3)).temperature > 0.5


def test_scores_of_minus_infinity_are_allowed():
    scores, labels = draw(0.05)
    scores = np.hstack([scores, np.full((len(scores), 1), -np.inf)])
    assert fit_label_noise(scores, labels).temperature == pytest.approx(2, rel=0.1)


def test_labels_without_any_information_are_noise():
    rng = np.random.default_rng(0)
    found = fit_label_noise(rng.normal(0, 8, (500, CLASSES)), rng.integers(0, CLASSES, 500))
    assert found.noise > 0.8
