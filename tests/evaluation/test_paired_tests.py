"""Tests of several paired differences at the same time."""

import math
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest

from eurosat_transfer.evaluation.intervals import paired_interval
from eurosat_transfer.evaluation.paired_tests import PairedTests, holm, judge_pairs, mcnemar_p


def mcnemar_by_hand(fewer: int, more: int) -> float:
    """Add the probabilities of all results that are at least as extreme, in whole numbers."""
    count = fewer + more
    tail = sum(math.comb(count, k) for k in range(fewer + 1))
    return float(min(Fraction(2 * tail, 2**count), Fraction(1)))


@pytest.mark.parametrize(("first", "second", "p"), [(5, 0, 2 / 32), (1, 9, 22 / 1024), (2, 1, 1.0), (0, 0, 1.0)])
def test_mcnemar_p_by_hand(first, second, p):
    assert mcnemar_p(np.array([first]), np.array([second])) == pytest.approx([p])


@pytest.mark.parametrize("count", [1, 2, 11, 100, 501, 2000])
def test_mcnemar_p_agrees_with_integer_arithmetic(count):
    fewer = np.array([0, count // 3, 2 * count // 5, count // 2])
    expected = [mcnemar_by_hand(few, count - few) for few in fewer.tolist()]
    assert mcnemar_p(fewer, count - fewer) == pytest.approx(expected, rel=1e-9, abs=1e-300)


def test_holm_multiplies_the_smallest_p_by_the_number_of_tests():
    assert holm(np.array([0.03, 0.01, 0.02, 0.9])) == pytest.approx([0.06, 0.04, 0.06, 0.9])


def test_holm_keeps_the_order_of_the_p_values_and_ends_at_one():
    corrected = holm(np.array([0.01, 0.011, 0.5, 0.6]))
    assert corrected == pytest.approx([0.04, 0.04, 1.0, 1.0])  # not 4 * 0.01 and then 3 * 0.011


def test_holm_leaves_a_single_test_as_it_is():
    assert holm(np.array([0.03])) == pytest.approx([0.03])


def test_rows_are_corrected_apart():
    p_values = np.random.default_rng(0).uniform(size=(20, 6))
    assert np.array_equal(holm(p_values), [holm(row) for row in p_values])


def test_p_values_are_corrected_for_all_pairs():
    first, second = np.array([9, 15, 8]), np.array([0, 2, 7])
    tests = judge_pairs(np.array([30, 20, 25]), first, second, 50)
    assert tests.p_value.tolist() == mcnemar_p(first, second).tolist()
    assert tests.p_holm.tolist() == holm(tests.p_value).tolist()


def test_intervals_are_simultaneous():
    counts = np.array([30, 20]), np.array([9, 15]), np.array([0, 2])
    tests = judge_pairs(*counts, 50)
    for number in (0, 1):
        expected = paired_interval(*(int(count[number]) for count in counts), 50, level=0.975)
        assert (tests.low[number], tests.high[number]) == pytest.approx(expected)


def test_classifiers_do_not_differ_if_only_the_interval_says_so():
    tests = judge_pairs(np.array([10]), np.array([5]), np.array([0]), 20)
    assert tests.low[0] > 0
    assert tests.p_holm[0] > 0.05
    assert not tests.differs[0]


def test_classifiers_do_not_differ_if_only_the_test_says_so():
    nine_alike = [0] * 9
    tests = judge_pairs(np.array([128] * 10), np.array([9, *nine_alike]), np.array([0] * 10), 160)
    assert tests.low[0] < 0
    assert tests.p_holm[0] < 0.05
    assert not tests.differs.any()


def test_a_difference_that_one_test_alone_would_find_is_corrected_for_the_number_of_tests():
    alone = judge_pairs(np.array([600]), np.array([10]), np.array([1]), 640)
    assert alone.differs[0]
    among_ten = judge_pairs(np.array([600] * 10), np.array([10] + [0] * 9), np.array([1] + [0] * 9), 640)
    assert not among_ten.differs.any()


def test_the_second_classifier_can_be_the_better_one():
    tests = judge_pairs(np.array([50]), np.array([0]), np.array([30]), 100)
    assert tests.differs[0]
    assert tests.high[0] < 0


def simulate(accuracies: list[float], count: int, runs: int) -> PairedTests:
    """Simulate classifiers that agree on many images, as classifiers of the same features do, and test every pair."""
    rng = np.random.default_rng(0)
    common, own = rng.normal(size=(runs, 1, count)), rng.normal(size=(runs, len(accuracies), count))
    ease = np.sqrt(0.8) * common + np.sqrt(0.2) * own
    thresholds = np.quantile(rng.normal(size=1_000_000), accuracies)[:, None]
    correct = ease < thresholds
    pairs = list(combinations(range(len(accuracies)), 2))
    first, second = (correct[:, list(members)] for members in zip(*pairs, strict=True))
    return judge_pairs(
        (first & second).sum(axis=-1), (first & ~second).sum(axis=-1), (second & ~first).sum(axis=-1), count
    )


@pytest.mark.parametrize(("accuracy", "count"), [(0.7, 160), (0.9, 160), (0.7, 40)])
def test_equally_good_classifiers_rarely_seem_to_differ(accuracy, count):
    tests = simulate([accuracy] * 5, count, 2000)
    assert tests.differs.any(axis=1).mean() <= 0.05
    assert ((tests.low > 0) | (tests.high < 0)).any(axis=1).mean() <= 0.05
    # Without the corrections, this would fail: the simulation has differences to find.
    assert (tests.p_value < 0.05).any(axis=1).mean() > 0.05


def test_a_better_classifier_is_found():
    tests = simulate([0.7, 0.7, 0.85], 640, 50)
    assert tests.differs[:, 1:].mean() > 0.95
    assert tests.differs[:, 0].mean() < 0.05
