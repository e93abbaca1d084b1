"""The support vector classifier, as every stage that fits one does.

It is scikit-learn's SVC, which takes its classes in pairs; but where SVC computes kernel values one by one, and again
when it has no room to keep them, here one matrix product gives all that a pair needs.

SVC's solver stops within a tolerance, and the last bit of a kernel value decides where. So the values are computed from
rows on which they are exact (stages/common/exact.py).
"""

import os
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations
from typing import NamedTuple

import numpy as np
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

from stages.common.exact import on_grid, squared_distances, step_of
from stages.common.features import Features

PENALTIES = (0.1, 1.0, 10.0, 100.0, 1000.0)  # what C: auto tries
THREADS = min(4, os.cpu_count() or 1)  # pairs at a time; no more, as each has a kernel matrix in memory
LARGE = 5000  # rows of a pair whose kernel matrix, 200 MB and growing with their square, is left to SVC to do without
BLOCK = 500  # rows to predict at a time


class Svm(NamedTuple):
    """A fitted classifier: a weight for each support vector in the decision of each pair of classes."""

    kernel: str
    gamma: float
    step: float  # of the grid
    classes: np.ndarray  # int64, (classes,)
    vectors: np.ndarray  # float64, (m, d)
    weights: np.ndarray  # float64, (m, pairs)
    intercepts: np.ndarray  # float64, (pairs,)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Predict the class that wins most pairs, the first of equals, as SVC does; (n, d) -> int64, (n,)."""
        return np.concatenate([self._predict(X[start : start + BLOCK]) for start in range(0, len(X), BLOCK)])

    def _predict(self, X: np.ndarray) -> np.ndarray:
        similar = kernel_matrix(on_grid(X, self.step), self.vectors, self.kernel, self.gamma)
        first_wins = similar @ self.weights + self.intercepts > 0
        votes = np.zeros((len(X), len(self.classes)), int)
        for wins, (first, second) in zip(first_wins.T, combinations(range(len(self.classes)), 2), strict=True):
            votes[:, first] += wins
            votes[:, second] += ~wins
        return self.classes[votes.argmax(axis=1)]

    def score(self, X: np.ndarray, y: np.ndarray) -> float:
        """Share of rows whose class is predicted."""
        return float((self.predict(X) == y).mean())


def kernel_matrix(X: np.ndarray, Z: np.ndarray, kernel: str, gamma: float) -> np.ndarray:
    """Kernel values of every row of X, (n, d), with every row of Z, (m, d): float64, (n, m)."""
    if kernel == "linear":
        return X @ Z.T
    values = squared_distances(X, Z)
    values *= -gamma
    return np.exp(values, out=values)


def fit_svm(X: np.ndarray, y: np.ndarray, kernel: str, C: float) -> Svm:
    """Fit on rows (n, d) with labels (n,); kernel rbf has scikit-learn's gamma, 1 / (features * variance)."""
    step = step_of(X)
    rows = on_grid(X, step)
    gamma = float(np.float32(1 / (rows.shape[1] * (rows.var() or 1.0))))  # without the bits that processors differ in
    classes, y = np.unique(y, return_inverse=True)
    pairs = list(combinations(range(len(classes)), 2))
    weights, intercepts = np.zeros((len(rows), len(pairs))), np.zeros(len(pairs))

    def fit_pair(number: int) -> None:
        first, second = pairs[number]
        places = np.flatnonzero((y == first) | (y == second))
        X, is_first = rows[places], y[places] == first
        if len(places) > LARGE:
            fitted = SVC(C=C, kernel=kernel, gamma=gamma).fit(X, is_first)
        else:
            fitted = SVC(C=C, kernel="precomputed").fit(kernel_matrix(X, X, kernel, gamma), is_first)
        weights[places[fitted.support_], number] = fitted.dual_coef_[0]
        intercepts[number] = fitted.intercept_[0]

    with ThreadPoolExecutor(THREADS) as pool, threadpool_limits(1):  # a pair on one core is enough of them
        list(pool.map(fit_pair, range(len(pairs))))  # the list raises what a thread has raised
    used = weights.any(axis=1)
    return Svm(kernel, gamma, step, classes, rows[used], weights[used], intercepts)


def choose_penalty(features: Features, kernel: str) -> float:
    """Choose C: the best on val when fitted on train, the smallest of equals."""
    train, val = features.of("train"), features.of("val")
    return max(PENALTIES, key=lambda C: fit_svm(*train, kernel, C).score(*val))
