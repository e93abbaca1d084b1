"""Intervals of accuracies and of their differences."""

import numpy as np
import pytest
from scipy.stats import binom, binomtest, multinomial

from eurosat_transfer.evaluation.intervals import paired_interval, wilson_interval


@pytest.mark.parametrize("level", [0.95, 0.995])
@pytest.mark.parametrize(("correct", "count"), [(0, 1), (1, 1), (7, 10), (40, 40), (600, 640), (13365, 13500)])
def test_wilson_interval_agrees_with_scipy(correct, count, level):
    expected = binomtest(correct, count).proportion_ci(level, method="wilson")
    assert wilson_interval(correct, count, level) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_wilson_interval_stays_between_zero_and_one():
    for count in range(1, 300):
        low, high = wilson_interval(np.array([0, count]), count)
        assert low[0] == 0 < high[0] < 1
        assert 0 < low[1] < high[1] == 1


@pytest.mark.parametrize("accuracy", [0.5, 0.9, 0.99])
@pytest.mark.parametrize("count", [40, 160, 640, 13500])
def test_interval_of_an_accuracy_covers_it(count, accuracy):
    """The coverage is exact: it adds the probabilities of all results whose interval contains the accuracy."""
    correct = np.arange(count + 1)
    low, high = wilson_interval(correct, count)
    covered = binom.pmf(correct, count, accuracy)[(low <= accuracy) & (accuracy <= high)].sum()
    assert 0.93 <= covered <= 0.98


COUNT = 40
TABLES = np.array(
    [
        (both, first, second, COUNT - both - first - second)
        for both in range(COUNT + 1)
        for first in range(COUNT + 1 - both)
        for second in range(COUNT + 1 - both - first)
    ]
)


@pytest.mark.parametrize(
    "shares",  # of images that both classifiers predict correctly, that only one does, and that none does
    [
        (0.85, 0.05, 0.05, 0.05),
        (0.8, 0.1, 0.05, 0.05),
        (0.95, 0.02, 0.02, 0.01),
        (0.97, 0.01, 0.01, 0.01),
        (0.75, 0.15, 0.02, 0.08),
        (0.3, 0.2, 0.2, 0.3),
        (0.3, 0.3, 0.1, 0.3),
        (0.05, 0.45, 0.45, 0.05),
        (0.1, 0.75, 0.05, 0.1),
    ],
)
@pytest.mark.parametrize(("level", "least"), [(0.95, 0.93), (0.995, 0.99)])
def test_interval_of_a_paired_difference_covers_it_with_few_images(shares, level, least):
    low, high = paired_interval(*TABLES.T[:3], COUNT, level)
    covered = (low <= shares[1] - shares[2]) & (shares[1] - shares[2] <= high)
    assert multinomial.pmf(TABLES, COUNT, shares)[covered].sum() >= least


def test_paired_interval_of_newcombes_example():
    """Table II of Newcombe, 1998, b = 36 with 12, 2 and 0: method 10 gives 0.0569 to 0.3404."""
    assert paired_interval(36, 12, 2, 50) == pytest.approx((0.0569, 0.3404), abs=5e-5)


def test_positive_correlation_is_corrected_for_continuity():
    """Both accuracies are 30 / 40, so both distances to the ends are those of one Wilson interval."""
    low, high = wilson_interval(30, 40)
    below, above = 0.75 - low, high - 0.75
    phi = (26 * 6 - 4 * 4 - 40 / 2) / (30 * 10)
    half = (below**2 + above**2 - 2 * phi * below * above) ** 0.5
    assert paired_interval(26, 4, 4, 40) == pytest.approx((-half, half))


def test_small_positive_correlation_counts_as_none():
    """The product 5 * 13 - 10 * 6 is positive, but below half the number of images."""
    low, high = wilson_interval(np.array([15, 11]), 34)
    accuracy = np.array([15, 11]) / 34
    down = ((accuracy[0] - low[0]) ** 2 + (high[1] - accuracy[1]) ** 2) ** 0.5
    assert paired_interval(5, 10, 6, 34)[0] == pytest.approx(4 / 34 - down)


def test_paired_interval_agrees_with_the_normal_approximation_for_many_images():
    half = 1.96 * ((0.4 + 0.35 - 0.05**2) / 20000) ** 0.5  # of the mean of 1, -1 and 0 with these shares
    assert paired_interval(4000, 8000, 7000, 20000) == pytest.approx((0.05 - half, 0.05 + half), abs=2e-4)


def test_exchanged_classifiers_have_the_mirrored_interval():
    low, high = paired_interval(20, 9, 3, 40)
    assert paired_interval(20, 3, 9, 40) == pytest.approx((-high, -low))


@pytest.mark.parametrize(("both", "count"), [(0, 20), (20, 20), (12, 20), (1, 1)])
def test_classifiers_that_are_correct_on_the_same_images_have_an_interval_around_zero(both, count):
    low, high = paired_interval(both, 0, 0, count)
    assert -1 <= low < 0 < high <= 1


def test_arrays_give_an_interval_for_each_item():
    low, high = paired_interval(np.array([20, 30]), np.array([9, 3]), np.array([3, 2]), 40)
    assert (low[1], high[1]) == pytest.approx(paired_interval(30, 3, 2, 40))
