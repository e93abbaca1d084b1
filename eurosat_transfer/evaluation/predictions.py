"""Predictions of a classifier with the true labels."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np


class Prediction(NamedTuple):
    """Predictions for n images.

    Attributes:
        actual: int64, (n,), n of 1 or more: true labels.
        predicted: int64, (n,): predicted labels.
        probabilities: float, (n, classes): of each class. Each row sums to 1.
    """

    actual: np.ndarray
    predicted: np.ndarray
    probabilities: np.ndarray

    @property
    def correct(self) -> np.ndarray:
        """Which predictions are correct: bool, (n,)."""
        return self.actual == self.predicted

    @property
    def accuracy(self) -> float:
        """Share of correct predictions, 0 to 1."""
        return float(self.correct.mean())

    @property
    def confidence(self) -> np.ndarray:
        """The probability of each predicted class: float, (n,), 0 to 1."""
        return np.take_along_axis(self.probabilities, self.predicted[:, None], axis=1)[:, 0]


def most_probable(actual: np.ndarray, probabilities: np.ndarray) -> Prediction:
    """Predict the most probable class of each image. Of equally probable classes, this is the first one.

    Args:
        actual: int64, (n,): true labels.
        probabilities: float, (n, classes): of each class.

    Returns:
        The predictions, with their probabilities.
    """
    return Prediction(actual, probabilities.argmax(axis=1), probabilities)


class Results(NamedTuple):
    """Predictions of a classifier for images that it was not trained on.

    Attributes:
        val: predictions for val, by a classifier that was trained on train only.
        test: predictions for test, by the final classifier.
        training_labels: number of labelled images that the final classifier was made from. It includes those that
            parameters were chosen on.
        chosen: parameters that were chosen by the data. Empty if nothing was chosen.
        unlabelled: number of images without labels that the final classifier was made from. None if it is of a kind
            that cannot use them, or does not.
        saw_test: whether the test images are among them. The predictions then hold for these images only.
        pseudo_labels: how many of them had a pseudo-label, in each round of each training. The last round is that of
            the final classifier. Empty without self-training.
    """

    val: Prediction
    test: Prediction
    training_labels: int
    chosen: Mapping[str, float] = {}
    unlabelled: int | None = None
    saw_test: bool = False
    pseudo_labels: tuple[int, ...] = ()
