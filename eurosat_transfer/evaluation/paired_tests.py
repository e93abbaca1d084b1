"""Tests of several paired differences at the same time."""

from typing import NamedTuple

import numpy as np
from scipy.special import bdtr

from eurosat_transfer.evaluation.intervals import LEVEL, paired_interval


class PairedTests(NamedTuple):
    """Tests of m pairs of classifiers. Each array has the shape of the counts that were tested, (..., m).

    Attributes:
        low, high: float, -1 to 1: the ends of the simultaneous 95 % intervals of the first accuracy minus the second
            one. In 95 % of all experiments, all m intervals together contain their differences.
        p_value: float, 0 to 1: of McNemar's exact test.
        p_holm: float, 0 to 1: p_value with Holm's correction for m tests.
        differs: bool: whether the two classifiers differ, by the corrected test and by the simultaneous interval.
    """

    low: np.ndarray
    high: np.ndarray
    p_value: np.ndarray
    p_holm: np.ndarray
    differs: np.ndarray


def judge_pairs(both: np.ndarray, only_first: np.ndarray, only_second: np.ndarray, count: int) -> PairedTests:
    """Test for m pairs of classifiers whether the two are equally accurate.

    If all classifiers are equally accurate, some pair differs by these tests in at most 5 % of all experiments.

    Args:
        both: int, (..., m): numbers of images that both classifiers of a pair predict correctly.
        only_first: int, (..., m): numbers of images that only the first classifier predicts correctly.
        only_second: int, (..., m): numbers of images that only the second classifier predicts correctly.
        count: number of images.

    Source:
        Bonferroni's inequality for the simultaneous intervals.
    """
    error = 1 - LEVEL
    p_value = mcnemar_p(only_first, only_second)
    p_holm = holm(p_value)
    low, high = paired_interval(both, only_first, only_second, count, 1 - error / p_value.shape[-1])
    return PairedTests(low, high, p_value, p_holm, (p_holm < error) & ((low > 0) | (high < 0)))


def mcnemar_p(only_first: np.ndarray, only_second: np.ndarray) -> np.ndarray:
    """Compute the two-sided p-value of McNemar's exact test.

    It is a binomial test on the images that exactly one classifier predicts correctly. If both classifiers are equally
    good, each of these images is equally likely to be one of the first classifier.

    Args:
        only_first: int, (...): numbers of images that only the first classifier predicts correctly.
        only_second: int, (...): numbers of images that only the second classifier predicts correctly.

    Returns:
        float, (...), 0 to 1. It is 1 if both classifiers are correct on the same images.

    Source:
        McNemar, 1947, Note on the sampling error of the difference between correlated proportions, Psychometrika 12.
    """
    tail = bdtr(np.minimum(only_first, only_second).astype(float), only_first + only_second, 0.5)
    return np.minimum(2 * tail, 1.0)


def holm(p_values: np.ndarray) -> np.ndarray:
    """Correct p-values for the number of tests by Holm's method.

    Args:
        p_values: float, (..., m): of m tests, 0 to 1.

    Returns:
        float, (..., m). Rejecting the tests whose value is below 0.05 rejects a true hypothesis in at most 5 % of all
        experiments.

    Source:
        Holm, 1979, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6.
    """
    order = p_values.argsort(axis=-1, kind="stable")
    factors = np.arange(p_values.shape[-1], 0, -1)
    stepped = np.maximum.accumulate(np.take_along_axis(p_values, order, -1) * factors, axis=-1)
    corrected = np.empty_like(p_values)
    np.put_along_axis(corrected, order, np.minimum(stepped, 1.0), -1)
    return corrected
