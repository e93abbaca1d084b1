"""Multinomial logistic regression with an L2 penalty, fitted until it has converged."""

import warnings
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from eurosat_transfer.models.calibration import log_loss, probabilities_of_all_classes
from eurosat_transfer.models.cross_validation import stratified_folds
from eurosat_transfer.models.penalty import choose_penalty

PENALTIES = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0, 10000.0)  # the values of C that C=auto tries
WITHOUT_CHOICE = 30.0  # C for auto if there is one image of each class, so that nothing can be held out
TOLERANCE = 1e-6  # largest entry of the gradient of the mean loss
SEARCH_TOLERANCE = 1e-4  # for the choice of C: it changes the losses in the fourth digit
MAX_ITERATIONS = 10_000


class SoftmaxLayer(NamedTuple):
    """One dense layer with the softmax function.

    Attributes:
        classes: int64, (classes,): the labels, in increasing order.
        weights: float64, (d, classes).
        intercepts: float64, (classes,).
        rows: the number of training rows.
    """

    classes: np.ndarray
    weights: np.ndarray
    intercepts: np.ndarray
    rows: int

    def scores(self, X: np.ndarray) -> np.ndarray:
        """Compute the inputs of the softmax function.

        Args:
            X: numbers, (n, d).

        Returns:
            float64, (n, classes).
        """
        with threadpool_limits(1):  # the number of threads would decide the last bits
            scores: np.ndarray = X.astype(np.float64) @ self.weights + self.intercepts
        return scores

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Predict the class with the largest score.

        Args:
            X: numbers, (n, d).

        Returns:
            int64, (n,): labels.
        """
        predicted: np.ndarray = self.classes[self.scores(X).argmax(axis=1)]
        return predicted

    def probabilities(self, X: np.ndarray, classes: int) -> np.ndarray:
        """Compute the probabilities of all classes.

        Args:
            X: numbers, (n, d).
            classes: number of classes.

        Returns:
            float64, (n, classes).
        """
        return probabilities_of_all_classes(self.scores(X), self.classes, classes, self.rows)


class _Scaled(NamedTuple):
    """Training rows with a mean of 0 and a mean squared length of 1.

    Subtracting the mean changes no prediction, because the intercepts have no penalty. It makes the solver faster. With
    one number for the scale, a value of C means the same for every network, and the columns keep their proportions.
    """

    X: np.ndarray
    mean: np.ndarray
    scale: float


def _scale(X: np.ndarray) -> _Scaled:
    rows = X.astype(np.float64)
    mean = rows.mean(axis=0)
    rows -= mean
    scale = float(np.sqrt(np.einsum("ij,ij->i", rows, rows).mean())) or 1.0
    rows /= scale
    return _Scaled(rows, mean, scale)


def _solver(C: float, tolerance: float, max_iterations: int, warm_start: bool = False) -> LogisticRegression:
    return LogisticRegression(C=C, solver="lbfgs", tol=tolerance, max_iter=max_iterations, warm_start=warm_start)


def fit_logistic_regression(
    X: np.ndarray, y: np.ndarray, C: float, tolerance: float = TOLERANCE, max_iterations: int = MAX_ITERATIONS
) -> tuple[SoftmaxLayer, int]:
    """Fit a softmax layer by L-BFGS.

    It minimises C * (sum of the log losses) + (sum of the squared weights) / 2 for rows that are centred and scaled to
    a mean squared length of 1.

    Args:
        X: numbers, (n, d).
        y: int, (n,): labels, of two classes or more.
        C: the larger, the weaker the penalty.
        tolerance: the solver stops when no entry of the gradient of the mean loss is larger.
        max_iterations: the solver stops after this many iterations.

    Returns:
        The layer, for rows that are not scaled; and the number of iterations. Equal arguments give the same bits on any
        number of cores.

    Source:
        https://scikit-learn.org/stable/modules/linear_model.html#logistic-regression
    """
    scaled = _scale(X)
    solver = _solver(C, tolerance, max_iterations)
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the number of iterations says the same
        solver.fit(scaled.X, y)
        layer = _layer(solver, scaled, len(y))
    return layer, int(solver.n_iter_[0])


def _layer(solver: LogisticRegression, scaled: _Scaled, rows: int) -> SoftmaxLayer:
    weights, intercepts = solver.coef_.T / scaled.scale, solver.intercept_
    if len(solver.classes_) == 2:  # one score for the second class; the first has half of its negative
        weights, intercepts = np.hstack([-weights / 2, weights / 2]), np.concatenate([-intercepts, intercepts]) / 2
    return SoftmaxLayer(solver.classes_, weights, intercepts - scaled.mean @ weights, rows)


def convergence(X: np.ndarray, y: np.ndarray, C: float, iterations: int) -> Iterator[tuple[int, SoftmaxLayer]]:
    """Fit the layer again, and stop after 1, 2, 4, 8, ... iterations and after the last one.

    Args:
        X: numbers, (n, d).
        y: int, (n,): labels.
        C: as of fit_logistic_regression.
        iterations: number of iterations until convergence.

    Yields:
        Number of iterations, and the layer after them.
    """
    limit = 1
    while limit < iterations:
        yield limit, fit_logistic_regression(X, y, C, max_iterations=limit)[0]
        limit *= 2
    yield iterations, fit_logistic_regression(X, y, C, max_iterations=iterations)[0]


def choose_logistic_penalty(X: np.ndarray, y: np.ndarray) -> float:
    """Choose the penalty C by the cross-validated log loss.

    Args:
        X: numbers, (n, d).
        y: int, (n,): labels, of two classes or more.

    Returns:
        One of PENALTIES, or 30 if there is one different row of each class.
    """
    folds = stratified_folds(X, y)
    if not folds:
        return WITHOUT_CHOICE
    rows = _scale(X).X
    solvers = [_solver(PENALTIES[0], SEARCH_TOLERANCE, MAX_ITERATIONS, warm_start=True) for _ in folds]
    labels = np.unique(y, return_inverse=True)[1][np.concatenate([fold.held_out for fold in folds])]

    def loss(C: float) -> float:
        scores = []
        for solver, fold in zip(solvers, folds, strict=True):
            solver.set_params(C=C).fit(rows[fold.fit], y[fold.fit])  # starts from the solution for the smaller C
            found = solver.decision_function(rows[fold.held_out])
            scores.append(found if found.ndim == 2 else np.stack([-found, found], axis=1) / 2)
        return log_loss(np.concatenate(scores), labels)

    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return choose_penalty(PENALTIES, loss)
