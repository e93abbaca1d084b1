"""The correction of features that come from the map of a whole scene.

A separate window has zeros around it, and the map has the neighbouring pixels there. A network sees the difference
everywhere, because each place of its last map depends on most of a window. Ridge regression on a sample of windows,
whose features are computed in both ways, removes a part of the difference.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

FOLDS = 4
PENALTY = 0.1  # of the ridge regression, as a share of the mean square of the centred inputs
GOAL = 0.98  # share of the sample with equal classes; the aim is 0.95 of the scene, which differs from its sample

Head = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]  # features -> probabilities, distances


class Correction(NamedTuple):
    """What was learned from a sample of windows.

    Attributes:
        inputs: float32, (n, d): of the sample, centred.
        input_mean: float32, (d,).
        coefficients: float32, (n, channels).
        output_mean: float32, (channels,).
        margin: a window whose two best classes are nearer than this is classified in the exact way.
        doubtful: share of the sample for which this holds.
        distance_factor: by which distances are multiplied, because corrected features vary less than exact ones.
    """

    inputs: np.ndarray
    input_mean: np.ndarray
    coefficients: np.ndarray
    output_mean: np.ndarray
    margin: float
    doubtful: float
    distance_factor: float

    def apply(self, inputs: np.ndarray) -> np.ndarray:
        """Correct the features of windows.

        Args:
            inputs: float32, (windows, d).

        Returns:
            float32, (windows, channels).
        """
        features: np.ndarray = ((inputs - self.input_mean) @ self.inputs.T) @ self.coefficients + self.output_mean
        return features


def fit_correction(inputs: np.ndarray, features: np.ndarray, head: Head) -> Correction:
    """Learn to correct features, and which windows cannot be trusted.

    The margin is the smallest one for which GOAL of the sample has the same class as with exact features. Every
    window of the sample is corrected by what was learned from three quarters that it is not in.

    Args:
        inputs: float32, (n, d), of the sample.
        features: float32, (n, channels): the exact ones.
        head: of the classifier.
    """
    folds = np.arange(len(inputs)) % FOLDS
    corrected = np.empty_like(features)
    for fold in range(FOLDS):
        fitted = _fit(inputs[folds != fold], features[folds != fold])
        corrected[folds == fold] = fitted.apply(inputs[folds == fold])
    (found, distances), (expected, exact_distances) = head(corrected), head(features)
    margins, equal = margins_of(found), found.argmax(axis=1) == expected.argmax(axis=1)
    order = np.argsort(margins, kind="stable")
    wrong = np.append(np.cumsum(~equal[order][::-1])[::-1], 0)  # if the first windows of the order are exact
    doubtful = int(np.argmax(wrong <= (1 - GOAL) * len(inputs)))
    margin = float(np.append(margins[order], np.inf)[doubtful]) if doubtful else 0.0
    factor = float(np.median(exact_distances / np.maximum(distances, np.finfo(np.float32).tiny)))
    return _fit(inputs, features)._replace(margin=margin, doubtful=doubtful / len(inputs), distance_factor=factor)


def margins_of(probabilities: np.ndarray) -> np.ndarray:
    """Compute by how much the best class is more probable than the next one: (n,)."""
    best = np.partition(probabilities, -2, axis=1)[:, -2:]
    margins: np.ndarray = best[:, 1] - best[:, 0]
    return margins


def _fit(inputs: np.ndarray, features: np.ndarray) -> Correction:
    """Fit a ridge regression by its dual, because there are fewer windows than features."""
    input_mean, output_mean = inputs.mean(axis=0), features.mean(axis=0)
    centred = inputs - input_mean
    kernel = (centred @ centred.T).astype(np.float64)
    kernel[np.diag_indices_from(kernel)] += max(PENALTY * np.trace(kernel) / len(kernel), np.finfo(np.float32).tiny)
    coefficients = np.linalg.solve(kernel, features - output_mean).astype(np.float32)
    return Correction(centred, input_mean, coefficients, output_mean, 0.0, 0.0, 1.0)
