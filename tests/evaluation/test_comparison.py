"""Paired comparison of two classifiers."""

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy.stats import bootstrap

from eurosat_transfer.evaluation.comparison import compare_pair, describe_pair

RNG = np.random.default_rng(1)
STRONG = RNG.uniform(size=400) < 0.9
WEAK = STRONG & (RNG.uniform(size=400) < 0.95) | (RNG.uniform(size=400) < 0.03)


def correct_arrays(only_first: int, only_second: int, both: int) -> tuple[np.ndarray, np.ndarray]:
    """Make the arrays of two classifiers from the numbers of images that they predict correctly."""
    first = np.repeat([True, False, True], [only_first, only_second, both])
    second = np.repeat([False, True, True], [only_first, only_second, both])
    return first, second


def mcnemar_by_hand(fewer: int, more: int) -> float:
    """Add the probabilities of all results that are at least as extreme, in whole numbers."""
    count = fewer + more
    tail = sum(math.comb(count, k) for k in range(fewer + 1))
    return float(min(Fraction(2 * tail, 2**count), Fraction(1)))


def test_interval_agrees_with_a_drawn_paired_bootstrap():
    figures = compare_pair(("weak", "strong"), (WEAK, STRONG))
    drawn = bootstrap(
        (STRONG.astype(float), WEAK.astype(float)),
        lambda a, b, axis: a.mean(axis=axis) - b.mean(axis=axis),
        paired=True,
        n_resamples=20000,
        method="percentile",
        rng=np.random.default_rng(0),
    )
    assert (figures["low"], figures["high"]) == pytest.approx(drawn.confidence_interval, abs=0.004)


def test_interval_agrees_with_the_normal_approximation_for_many_images():
    figures = compare_pair(("a", "b"), correct_arrays(800, 700, 500))
    deviation = math.sqrt((0.4 + 0.35 - 0.05**2) / 2000)  # of the mean of 1, -1 and 0 with these shares
    expected = (0.05 - 1.96 * deviation, 0.05 + 1.96 * deviation)
    assert (figures["low"], figures["high"]) == pytest.approx(expected, abs=0.001)


def test_more_accurate_classifier_is_named_first():
    figures = compare_pair(("weak", "strong"), (WEAK, STRONG))
    assert (figures["better"], figures["worse"]) == ("strong", "weak")
    assert figures["difference"] == pytest.approx(STRONG.mean() - WEAK.mean())
    assert figures == compare_pair(("strong", "weak"), (STRONG, WEAK))


def test_equally_accurate_classifiers_keep_their_order():
    figures = compare_pair(("a", "b"), correct_arrays(3, 3, 10))
    assert (figures["better"], figures["worse"], figures["difference"]) == ("a", "b", 0.0)


def test_images_that_only_one_classifier_predicts_correctly_are_counted():
    figures = compare_pair(("a", "b"), correct_arrays(7, 4, 9))
    assert (figures["only_better"], figures["only_worse"]) == (7, 4)
    assert figures["difference"] == pytest.approx(3 / 20)


@pytest.mark.parametrize(("only_first", "only_second", "p"), [(5, 0, 2 / 32), (9, 1, 22 / 1024), (2, 1, 1.0)])
def test_mcnemar_p_by_hand(only_first, only_second, p):
    figures = compare_pair(("a", "b"), correct_arrays(only_first, only_second, 20))
    assert figures["p_value"] == pytest.approx(p)


@pytest.mark.parametrize("count", [1, 2, 11, 100, 501, 2000])
def test_mcnemar_p_agrees_with_integer_arithmetic(count):
    for fewer in {0, count // 3, 2 * count // 5, count // 2}:
        figures = compare_pair(("a", "b"), correct_arrays(count - fewer, fewer, 30))
        expected = mcnemar_by_hand(fewer, count - fewer)
        assert figures["p_value"] == pytest.approx(expected, rel=1e-9, abs=1e-300)


def test_classifiers_that_are_correct_on_the_same_images_do_not_differ():
    figures = compare_pair(("a", "b"), correct_arrays(0, 0, 20))
    assert figures["p_value"] == 1.0
    assert (figures["difference"], figures["low"], figures["high"]) == (0.0, 0.0, 0.0)


def test_interval_depends_on_the_counts_and_not_on_the_order_of_the_images():
    shuffled = np.random.default_rng(0).permutation(400)
    same = compare_pair(("weak", "strong"), (WEAK[shuffled], STRONG[shuffled]))
    assert same == compare_pair(("weak", "strong"), (WEAK, STRONG))


def test_figures_are_plain_python_numbers():
    figures = compare_pair(("a", "b"), (STRONG, WEAK))
    assert {type(value) for value in figures.values()} == {str, float, int}


FIGURES = {"better": "a", "worse": "b", "difference": 0.2, "low": 0.125, "high": 0.281}


def test_sentence_of_a_significant_difference():
    assert describe_pair(FIGURES | {"p_value": 1.907e-06}) == (
        "a is better than b by 0.200 (95 % interval 0.125 to 0.281, McNemar p = 1.9e-06)"
    )


def test_a_tiny_p_is_printed_as_a_limit():
    assert describe_pair(FIGURES | {"p_value": 1e-12}).endswith("McNemar p < 1e-12)")
    assert describe_pair(FIGURES | {"p_value": 1.1e-12}).endswith("McNemar p = 1.1e-12)")


@pytest.mark.parametrize("changes", [{"p_value": 0.05}, {"p_value": 0.01, "low": 0.0}])
def test_sentence_says_that_interval_and_test_disagree(changes):
    figures = FIGURES | changes
    p = f"{figures['p_value']:g}"
    assert describe_pair(figures) == (
        "a may be better than b by 0.200: of the interval and the test only one says so "
        f"(95 % interval {figures['low']:.3f} to 0.281, McNemar p = {p})"
    )


def test_sentence_of_a_difference_that_is_not_significant():
    figures = FIGURES | {"low": -0.01, "difference": 0.01, "high": 0.03, "p_value": 0.51}
    assert describe_pair(figures) == (
        "a and b cannot be told apart: they differ by 0.010 (95 % interval -0.010 to 0.030, McNemar p = 0.51)"
    )


def test_sentence_matches_the_figures():
    sure = compare_pair(("a", "b"), correct_arrays(20, 0, 80))
    assert sure["words"] == describe_pair(sure)
    assert sure["words"].startswith("a is better than b by 0.200")
    few = compare_pair(("a", "b"), correct_arrays(5, 0, 635))  # only the bootstrap is sure
    assert few["words"].startswith("a may be better than b by 0.008")
    unsure = compare_pair(("a", "b"), correct_arrays(9, 10, 81))
    assert unsure["words"].startswith("b and a cannot be told apart")
