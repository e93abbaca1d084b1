"""Calibration with labels of which some are wrong: the probabilities are those of the true classes."""

from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

LOG_TEMPERATURES = np.linspace(np.log(0.1), np.log(10), 47)  # steps of a tenth
PRIOR = 0.5  # standard deviation of the logarithm of the temperature: it decides only if there are few rows
MOST_WRONG = 0.9  # the largest share of labels without information that the search tries
DIGITS = 4  # of temperature and noise: the digits that do not depend on the rounding of the processor


class LabelNoise(NamedTuple):
    """How the given labels depend on the scores of a classifier.

    Attributes:
        temperature: what scores are divided by before the softmax function gives probabilities of the true class.
        noise: share of the labels that are drawn from all classes at random, whatever the image shows.
    """

    temperature: float
    noise: float


def fit_label_noise(scores: np.ndarray, labels: np.ndarray) -> LabelNoise:
    """Find the temperature and the share of random labels for which the given labels are the most likely.

    Temperature scaling alone takes every label for correct. A few wrong labels then make all probabilities cautious,
    and a wrong label looks less wrong.

    Args:
        scores: float, (n, classes), n of 1 or more: of rows that the classifier was not fitted on. The score of the
            given label is finite.
        labels: int, (n,).

    Returns:
        Both with 4 significant digits.

    Source:
        Guo et al., 2017, On Calibration of Modern Neural Networks. Natarajan et al., 2013, Learning with Noisy Labels,
        for labels that are replaced at random.
    """
    rows, classes = np.arange(len(labels)), scores.shape[1]

    def best_noise(log_temperature: float) -> tuple[float, float]:
        """Return the noise for a temperature, and the loss of both."""
        of_given = np.exp(log_softmax(scores / np.exp(log_temperature), axis=1)[rows, labels])

        def loss(noise: float) -> float:
            return -float(np.log((1 - noise) * of_given + noise / classes).sum())

        found = minimize_scalar(loss, bounds=(0, MOST_WRONG), method="bounded", options={"xatol": 1e-7})
        noise = float(found.x) if found.fun < loss(1e-12) else 0.0
        return noise, min(float(found.fun), loss(1e-12)) + (log_temperature / PRIOR) ** 2 / 2

    losses = [best_noise(value)[1] for value in LOG_TEMPERATURES]
    step, nearest = LOG_TEMPERATURES[1] - LOG_TEMPERATURES[0], LOG_TEMPERATURES[int(np.argmin(losses))]
    bounds = (nearest - step, nearest + step)
    found = minimize_scalar(lambda value: best_noise(value)[1], bounds=bounds, method="bounded")
    temperature = float(f"{np.exp(found.x):.{DIGITS}g}")
    return LabelNoise(temperature, float(f"{best_noise(np.log(temperature))[0]:.{DIGITS}g}"))
