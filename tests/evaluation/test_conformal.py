"""Prediction sets with a stated coverage."""

import re

import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import beta, betabinom, kstest

from eurosat_transfer.errors import UserError
from eurosat_transfer.evaluation.conformal import (
    conformal_scores,
    coverage_range,
    is_unsure,
    prediction_sets,
    score_threshold,
)


def draw(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw labels of five classes, and the probabilities of a classifier that is wrong at times and overconfident."""
    actual = rng.integers(0, 5, n)
    scores = rng.normal(size=(n, 5)) + 2 * np.eye(5)[actual]
    return softmax(3 * scores, axis=1).astype(np.float32), actual


@pytest.mark.parametrize(("count", "coverage"), [(20, 0.9), (160, 0.9), (1000, 0.95)])
def test_coverage_has_its_exact_distribution(count, coverage):
    """The number of covered new images has a beta-binomial distribution: new ones are drawn for each calibration."""
    rng, new = np.random.default_rng(count), 5000
    rank = int(np.ceil((count + 1) * coverage))
    covered = []
    for _ in range(300):
        threshold = score_threshold(conformal_scores(*draw(rng, count)), coverage)
        probabilities, actual = draw(rng, new)
        covered.append(prediction_sets(probabilities, threshold)[np.arange(new), actual].sum())
    assert kstest(covered, betabinom(new, rank, count + 1 - rank).cdf).pvalue > 0.01
    low, high = coverage_range(count, coverage)
    assert 0.88 < np.mean([low * new <= number <= high * new for number in covered]) < 0.99


def test_range_of_coverage_for_160_images():
    """The 145th of 160 scores is the threshold, so the coverage is the 145th of 160 uniform numbers."""
    assert coverage_range(160, 0.9) == pytest.approx(beta(145, 16).interval(0.95))


@pytest.mark.parametrize(("coverage", "needed"), [(0.9, 9), (0.95, 19), (0.99, 99), (0.5, 1), (0.8, 4)])
def test_too_few_calibration_images_are_refused_with_the_number_needed(coverage, needed):
    scores = np.linspace(0, 1, needed)
    assert score_threshold(scores, coverage) == scores[-1]
    expected = f"{needed - 1} calibration images are too few for a coverage of {coverage}; allowed: {needed} or more"
    with pytest.raises(UserError, match=re.escape(expected)):
        score_threshold(scores[1:], coverage)


@pytest.mark.parametrize("coverage", [0, 1, -0.1, 90, float("nan")])
def test_impossible_coverage_is_refused(coverage):
    with pytest.raises(UserError, match=f"a coverage of {coverage} is not possible; allowed: above 0 and below 1"):
        score_threshold(np.linspace(0, 1, 1000), coverage)


def test_threshold_does_not_depend_on_the_rounding_of_a_product():
    """100 * 0.55 is 55.00000000000001 in floating point, and its ceiling is 56."""
    assert score_threshold(np.arange(1.0, 100.0), 0.55) == 55


def test_class_with_exactly_the_threshold_is_in_the_set():
    probabilities = np.array([[0.7, 0.3], [0.1, 0.9], [0.4, 0.6]], np.float32)
    threshold = score_threshold(conformal_scores(probabilities, np.array([0, 1, 1])), 0.7)
    assert threshold == 1 - float(np.float32(0.6))
    assert prediction_sets(probabilities, threshold).tolist() == [[True, False], [False, True], [False, True]]
    just_below = np.nextafter(np.float32(0.6), np.float32(0))
    assert not prediction_sets(np.array([[1 - just_below, just_below]]), threshold).any()


def test_calibration_in_double_precision_agrees_with_prediction_in_single_precision():
    """Every calibration image whose score is the threshold must be covered by its own set."""
    rng = np.random.default_rng(3)
    probabilities, actual = softmax(rng.normal(size=(500, 4)), axis=1), rng.integers(0, 4, 500)
    scores = conformal_scores(probabilities, actual)
    for rank in (1, 100, 250, 450, 500):
        covered = prediction_sets(probabilities.astype(np.float32), scores[rank - 1])[np.arange(500), actual]
        assert covered.sum() == rank


def test_equal_scores_cover_more_than_stated():
    actual = np.zeros(100, int)
    probabilities = np.tile(np.float32([0.5, 0.25, 0.25]), (100, 1))
    sets = prediction_sets(probabilities, score_threshold(conformal_scores(probabilities, actual), 0.9))
    assert sets.tolist() == [[True, False, False]] * 100


def test_probabilities_of_zero_and_one():
    """A confident classifier has probabilities of exactly 0 and 1 in single precision."""
    probabilities = np.array([[1, 0], [1, 1e-9]], np.float32)
    assert prediction_sets(probabilities, 0.0).tolist() == [[True, False], [True, False]]
    assert prediction_sets(probabilities, 1.0).all()
    scores = conformal_scores(probabilities, np.array([1, 1]))
    assert scores[0] < scores[1] == 1


def test_tiny_probabilities_keep_different_scores():
    """In single precision, 1 - p is 1 for both."""
    probabilities = np.array([[3e-9, 1], [2e-9, 1]], np.float32)
    assert prediction_sets(probabilities, 1 - float(probabilities[0, 0])).tolist() == [[True, True], [False, True]]


def test_scores_are_sorted():
    probabilities, actual = draw(np.random.default_rng(0), 50)
    scores = conformal_scores(probabilities, actual)
    assert (np.diff(scores) >= 0).all()
    assert scores.sum() == pytest.approx((1 - probabilities[np.arange(50), actual]).sum())


def test_unsure_is_a_set_without_exactly_one_class():
    sets = np.array([[True, False, False], [True, True, False], [False, False, False], [True, True, True]])
    assert is_unsure(sets).tolist() == [False, True, True, True]
