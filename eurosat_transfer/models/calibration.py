"""Temperature scaling: probabilities from the scores of a classifier."""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

TEMPERATURES = (0.01, 100.0)  # the limits of the search
DIGITS = 4  # of a temperature: the digits that do not depend on the rounding of the processor


def fit_temperature(scores: np.ndarray, labels: np.ndarray) -> float:
    """Find the temperature for which the probabilities softmax(scores / temperature) have the smallest log loss.

    If all scores were of the correct class, the best temperature would be 0, and the probabilities would be 0 and 1. So
    each of the n rows counts as an example of its class by (n + 1) / (n + 2), and of all classes together by the rest.

    Args:
        scores: float, (n, classes), n of 1 or more: of rows that the classifier was not fitted on.
        labels: int, (n,): positions of the correct classes.

    Returns:
        A number from 0.01 to 100, with 4 significant digits.

    Source:
        Guo et al., 2017, On Calibration of Modern Neural Networks. Platt, 1999, Probabilistic Outputs for Support
        Vector Machines, for the weights of the examples.
    """
    doubt = 1 / (len(labels) + 2)
    rows = np.arange(len(labels))

    def loss(log_temperature: float) -> float:
        logs = log_softmax(scores / np.exp(log_temperature), axis=1)
        return -float((1 - doubt) * logs[rows, labels].mean() + doubt * logs.mean())

    found = minimize_scalar(loss, bounds=np.log(TEMPERATURES), method="bounded", options={"xatol": 1e-6})
    return float(f"{np.exp(found.x):.{DIGITS}g}")


def log_loss(scores: np.ndarray, labels: np.ndarray) -> float:
    """Compute the mean negative logarithm of the probabilities softmax(scores) of the correct classes.

    Args:
        scores: float, (n, classes).
        labels: int, (n,): positions of the correct classes.

    Returns:
        In nats, 0 or more.
    """
    return -float(log_softmax(scores, axis=1)[np.arange(len(labels)), labels].mean())


def probabilities_of_all_classes(scores: np.ndarray, present: np.ndarray, classes: int, rows: int) -> np.ndarray:
    """Compute softmax probabilities, also of classes that the classifier has never seen.

    A class without a training image gets 1 / (rows + classes), which is Laplace's rule of succession.

    Args:
        scores: float, (n, present): logarithms of odds, of the classes that have training images.
        present: int, (present,): labels of these classes.
        classes: number of all classes.
        rows: number of training images.

    Returns:
        float64, (n, classes). Each row sums to 1.
    """
    unseen = 1 / (rows + classes)
    probabilities = np.full((len(scores), classes), unseen)
    probabilities[:, present] = softmax(scores, axis=1) * (1 - unseen * (classes - len(present)))
    return probabilities
