"""Intervals of a mean over draws and test images, on simulated predictions."""

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from eurosat_transfer.evaluation.crossed_interval import crossed_interval
from eurosat_transfer.evaluation.label_curve import Fit, compare_label_curves, summarise_label_curve

RUNS = 400
LARGEST = 32  # of 400 runs: 5 % are 20, and 99.5 % of all experiments have 31 or fewer


def fits(name: str, images: int, correct: np.ndarray) -> list[Fit]:
    """Make a fit of each row of correct, (draws, test images)."""
    return [Fit(name, images, draw, float(row.mean()), row) for draw, row in enumerate(correct)]


def simulate(rng: np.random.Generator, draws: int, images: int, accuracy: float, spread: float = 0) -> np.ndarray:
    """Make predictions, (draws, images), on easy and hard images, of draws whose accuracies differ by up to spread."""
    easy = accuracy + (1 - accuracy) * rng.choice([-0.5, 0.5], images)
    return rng.random((draws, images)) < easy + rng.uniform(-spread, spread, (draws, 1))


@pytest.mark.parametrize(("draws", "spread"), [(1, 0), (2, 0), (20, 0), (20, 0.1)])
@pytest.mark.parametrize("images", [40, 160, 640])
@pytest.mark.parametrize("accuracy", [0.5, 0.97])
def test_noise_is_rarely_called_a_gain(accuracy, images, draws, spread):
    rng = np.random.default_rng(0)
    wrong = 0
    for _ in range(RUNS):
        fewer = fits("svm", 20, simulate(rng, draws, images, accuracy, min(spread, (1 - accuracy) / 2)))
        every = fits("svm", 200, simulate(rng, 1, images, accuracy))
        gain = summarise_label_curve([*fewer, *every])["svm"][-1]["gain"]
        wrong += gain["low"] > 0 or gain["high"] < 0
    assert wrong < LARGEST


@pytest.mark.parametrize(("draws", "spread"), [(1, 0), (20, 0.1)])
@pytest.mark.parametrize("images", [40, 160, 640])
def test_interval_covers_a_gain(images, draws, spread):
    rng = np.random.default_rng(0)
    missed, above = 0, 0
    for _ in range(RUNS):
        fewer = fits("svm", 20, simulate(rng, draws, images, 0.5, spread))
        every = fits("svm", 200, simulate(rng, 1, images, 0.7))
        gain = summarise_label_curve([*fewer, *every])["svm"][-1]["gain"]
        missed += not gain["low"] < 0.2 < gain["high"]
        above += gain["low"] > 0
    assert missed < LARGEST
    assert above > 0.3 * RUNS
    assert above > 0.95 * RUNS or images == 40


@pytest.mark.parametrize("images", [40, 160, 640])
def test_equally_good_classifiers_rarely_differ_at_any_number_of_labels(images):
    rng = np.random.default_rng(0)
    wrong = 0
    for _ in range(RUNS):
        curves = [
            fit
            for name in ("probe", "svm")
            for labels in (10, 20, 50, 100, 200)
            for fit in fits(name, labels, simulate(rng, 20, images, 0.5, 0.1))
        ]
        wrong += any(row["low"] > 0 or row["high"] < 0 for row in compare_label_curves(curves))
    assert wrong < LARGEST


def test_interval_is_as_wide_as_the_draws_when_they_vary_most():
    """With very many images, only the draws count."""
    differences = np.repeat(np.array([[0.5], [0.6], [0.55], [0.3]]), 10**6, axis=1)
    expected = ttest_1samp(differences[:, 0], 0).confidence_interval(0.95)
    assert crossed_interval(differences) == pytest.approx(tuple(expected), abs=1e-4)


def test_interval_is_as_wide_as_the_images_when_the_draws_are_the_same():
    image = np.random.default_rng(0).integers(-1, 2, 5000)
    expected = ttest_1samp(image, 0).confidence_interval(0.95)
    for draws in (1, 5):
        assert crossed_interval(np.tile(image, (draws, 1))) == pytest.approx(tuple(expected), abs=1e-4)


def test_fits_that_are_correct_on_the_same_images_have_an_interval_with_a_width():
    low, high = crossed_interval(np.zeros((1, 40)))
    assert low < -0.02
    assert high > 0.02
