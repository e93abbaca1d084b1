"""Summaries of how fast networks converge, over several seeds."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.special import stdtrit

CONFIDENCE = 0.95


def summarise_trainings(iterations: Sequence[int | None], test_accuracies: Sequence[float]) -> dict[str, Any]:
    """Summarise trainings that differ only in their seed.

    Args:
        iterations: of each training, until it converged; None if it did not converge.
        test_accuracies: of each training, 0 to 1.

    Returns:
        seeds (number of trainings), converged (number of those that converged), iterations (mean of these; None if
        none converged), iterations_sd, test_accuracy (mean of all trainings), test_accuracy_sd. A standard deviation
        is None if there are fewer than two values.
    """
    converged = [steps for steps in iterations if steps is not None]
    return {
        "seeds": len(iterations),
        "converged": len(converged),
        "iterations": float(np.mean(converged)) if converged else None,
        "iterations_sd": _sd(converged),
        "test_accuracy": float(np.mean(test_accuracies)),
        "test_accuracy_sd": _sd(test_accuracies),
    }


def compare_speeds(iterations: Mapping[str, Sequence[int | None]]) -> dict[str, Any] | None:
    """Compare the iterations of two activations, seed by seed.

    The ratio is the geometric mean of the ratios of all seeds. Its interval is the interval of Student's t for the mean
    of the logarithms of these ratios.

    Args:
        iterations: by activation, of which there are two: the iterations of each seed, in the same order.

    Returns:
        faster, slower (activations), ratio (slower to faster, 1 or more), low and high (95 % interval; None with one
        seed), beyond_spread (whether the interval is above 1). None if a training did not converge.

    Raises:
        ValueError: there are not exactly two activations.
    """
    first, second = iterations
    if None in iterations[first] or None in iterations[second]:
        return None
    logarithms = np.log(np.asarray(iterations[first], float)) - np.log(np.asarray(iterations[second], float))
    mean, (slower, faster) = float(logarithms.mean()), (first, second)
    if mean < 0:
        mean, logarithms, (slower, faster) = -mean, -logarithms, (second, first)
    result = {"faster": faster, "slower": slower, "ratio": float(np.exp(mean))}
    count = len(logarithms)
    if count < 2:
        return result | {"low": None, "high": None, "beyond_spread": False}
    margin = stdtrit(count - 1, (1 + CONFIDENCE) / 2) * logarithms.std(ddof=1) / np.sqrt(count)
    low, high = float(np.exp(mean - margin)), float(np.exp(mean + margin))
    return result | {"low": low, "high": high, "beyond_spread": low > 1}


def _sd(values: Sequence[float]) -> float | None:
    return float(np.std(values, ddof=1)) if len(values) > 1 else None
