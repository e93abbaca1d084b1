"""A support vector machine: scikit-learn's SVC, with kernel values from matrix products.

SVC itself computes kernel values one by one, and computes them again if its cache is full. A matrix product computes
all values at once. To fit, and to predict 13,500 rows, SVC takes as long for 20 training rows, twice to three times as
long for 100 to 640 rows, and 11 times as long for 5,000 rows (benchmarks/results/svm.md).

SVC's solver stops within a tolerance, and the last bit of a kernel value decides where. So the values are computed from
rows on which they are exact (eurosat_transfer.exact).
"""

from itertools import combinations
from typing import NamedTuple

import numpy as np
from sklearn.svm import SVC

from eurosat_transfer.evaluation.predictions import Prediction, Results
from eurosat_transfer.exact import grid_step, round_to_grid, squared_distances
from eurosat_transfer.features.feature_set import FeatureSet
from eurosat_transfer.parameters.pixels import Pixels
from eurosat_transfer.parameters.svm import Svm

PENALTIES = (0.1, 1.0, 10.0, 100.0, 1000.0)  # the values of C that svm.C=auto tries
MAX_MATRIX_ROWS = 15_000  # their kernel matrix has 1.8 GB; for more rows SVC computes the kernel values itself
BLOCK = 500  # rows that are predicted at a time, to limit the memory for their kernel values


class SupportVectorMachine(NamedTuple):
    """A fitted support vector machine.

    Attributes:
        kernel: "linear" or "rbf".
        gamma: the coefficient of the rbf kernel.
        step: of the grid that rows are rounded to.
        classes: int64, (classes,): the labels, in increasing order.
        vectors: float64, (m, d): the support vectors of all pairs of classes.
        weights: float64, (m, pairs): of each support vector in the decision of each pair. A positive decision is for
            the first class of the pair.
        intercepts: float64, (pairs,): of the decisions.
    """

    kernel: str
    gamma: float
    step: float
    classes: np.ndarray
    vectors: np.ndarray
    weights: np.ndarray
    intercepts: np.ndarray

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Predict the class that wins the most pairs. If several classes do, the first of them is predicted, as in SVC.

        Args:
            X: numbers, (n, d).

        Returns:
            int64, (n,): labels.
        """
        return np.concatenate([self._predict(X[start : start + BLOCK]) for start in range(0, len(X), BLOCK)])

    def _predict(self, X: np.ndarray) -> np.ndarray:
        similar = kernel_matrix(round_to_grid(X, self.step), self.vectors, self.kernel, self.gamma)
        first_wins = similar @ self.weights + self.intercepts > 0
        votes = np.zeros((len(X), len(self.classes)), int)
        for wins, (first, second) in zip(first_wins.T, combinations(range(len(self.classes)), 2), strict=True):
            votes[:, first] += wins
            votes[:, second] += ~wins
        return self.classes[votes.argmax(axis=1)]

    def score(self, X: np.ndarray, y: np.ndarray) -> float:
        """Compute the accuracy of the predictions.

        Args:
            X: numbers, (n, d).
            y: int64, (n,): the true labels.

        Returns:
            0 to 1.
        """
        return float((self.predict(X) == y).mean())


def kernel_matrix(X: np.ndarray, Z: np.ndarray, kernel: str, gamma: float) -> np.ndarray:
    """Compute the kernel values between all rows of two matrices.

    Args:
        X: float64, (n, d), on a grid.
        Z: float64, (m, d), on the same grid.
        kernel: "linear" or "rbf".
        gamma: the coefficient of the rbf kernel.

    Returns:
        float64, (n, m).
    """
    if kernel == "linear":
        return X @ Z.T
    values = squared_distances(X, Z)
    values *= -gamma
    return np.exp(values, out=values)


def fit_svm(X: np.ndarray, y: np.ndarray, kernel: str, C: float) -> SupportVectorMachine:
    """Fit a support vector machine.

    Args:
        X: numbers, (n, d).
        y: int, (n,): labels, of two classes or more.
        kernel: "linear" or "rbf". The rbf kernel has scikit-learn's default gamma, 1 / (d * variance of X).
        C: penalty for margin violations.

    Returns:
        The fitted classifier.
    """
    step = grid_step(X)
    rows = round_to_grid(X, step)
    # The last bits of the variance differ between processors, and a float32 does not have them.
    gamma = float(np.float32(1 / (rows.shape[1] * (rows.var() or 1.0))))
    classes, y = np.unique(y, return_inverse=True)
    # The solver takes the rows class by class, and their order decides where it stops within its tolerance. With
    # negative labels the last class comes first, as in version 0.1, so that results stay the same.
    if len(rows) > MAX_MATRIX_ROWS:
        fitted = SVC(C=C, kernel=kernel, gamma=gamma).fit(rows, -y)
    else:
        fitted = SVC(C=C, kernel="precomputed").fit(kernel_matrix(rows, rows, kernel, gamma), -y)
    weights, intercepts = _pair_decisions(fitted)
    order = np.argsort(fitted.support_)  # from one class after the other to the order of the rows
    return SupportVectorMachine(kernel, gamma, step, classes, rows[fitted.support_[order]], weights[order], intercepts)


def _pair_decisions(fitted: SVC) -> tuple[np.ndarray, np.ndarray]:
    """Collect the weights and the intercept of each pair of classes from an SVC whose last class comes first.

    scikit-learn has the weights of a class against the other classes in one row for each of them. If there are only two
    classes, a positive decision is for the last one.

    Source:
        https://scikit-learn.org/stable/modules/svm.html#multi-class-classification
    """
    if len(fitted.classes_) == 2:
        return fitted.dual_coef_.T, fitted.intercept_
    classes = range(len(fitted.classes_))
    last = classes[-1]
    of_class = np.repeat(classes, fitted.n_support_)
    intercepts = dict(zip(combinations(classes, 2), fitted.intercept_, strict=True))
    pairs = [(last - second, last - first) for first, second in combinations(classes, 2)]  # as the SVC numbers them
    weights = [
        np.where(of_class == i, fitted.dual_coef_[j - 1], 0) + np.where(of_class == j, fitted.dual_coef_[i], 0)
        for i, j in pairs
    ]
    return -np.stack(weights, axis=1), -np.array([intercepts[pair] for pair in pairs])


def choose_penalty(features: FeatureSet, kernel: str) -> float:
    """Choose the penalty C by the accuracy on val after a fit on train.

    Args:
        features: of train and val.
        kernel: "linear" or "rbf".

    Returns:
        The best candidate, and the smallest of those that are equally good.
    """
    train, val = features.select("train"), features.select("val")
    return max(PENALTIES, key=lambda C: fit_svm(*train, kernel, C).score(*val))


def evaluate_svm(features: FeatureSet, params: Svm | Pixels) -> Results:
    """Fit a support vector machine on train, and predict val and test.

    With C: auto, C is chosen on val, and the classifier that predicts test is fitted on train and val together.

    Args:
        features: of train, val and test.
        params: kernel and C.

    Returns:
        Predictions without probabilities, and C if it was chosen.
    """
    auto = params.C == "auto"
    C = choose_penalty(features, params.kernel) if params.C == "auto" else params.C
    fitted = fit_svm(*features.select("train"), params.kernel, C)
    val = Prediction(features.y["val"], fitted.predict(features.X["val"]))
    if auto:
        fitted = fit_svm(*features.select("train", "val"), params.kernel, C)
    test = Prediction(features.y["test"], fitted.predict(features.X["test"]))
    labels = len(features.y["train"]) + (len(features.y["val"]) if auto else 0)
    return Results(val, test, labels, {"C": C} if auto else {})
