"""A support vector machine: scikit-learn's SVC, with kernel values from matrix products.

SVC itself computes kernel values one by one, and computes them again if its cache is full. A matrix product computes
all values at once. To fit, and to predict 13,500 rows, SVC takes as long for 20 training rows, twice to three times as
long for 100 to 640 rows, and 11 times as long for 5,000 rows (benchmarks/results/svm.md).

SVC's solver stops within a tolerance, and the last bit of a kernel value decides where. So the values are computed from
rows on which they are exact (eurosat_transfer.exact).
"""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from scipy.special import log_expit
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

from eurosat_transfer.evaluation.predictions import Results, most_probable
from eurosat_transfer.exact import grid_step, round_significand, round_to_grid, squared_distances
from eurosat_transfer.features.blocks import scale_blocks
from eurosat_transfer.features.feature_set import FeatureSet
from eurosat_transfer.models.calibration import fit_temperature, log_loss, probabilities_of_all_classes
from eurosat_transfer.models.column_scale import warn_about_large_columns
from eurosat_transfer.models.cross_validation import Fold, stratified_folds
from eurosat_transfer.models.penalty import choose_penalty, describe_choice
from eurosat_transfer.parameters.bands import Bands
from eurosat_transfer.parameters.pixels import Pixels
from eurosat_transfer.parameters.svm import Svm

PENALTIES = (0.1, 1.0, 10.0, 100.0, 1000.0)  # the values of C that svm.C=auto tries
WITHOUT_CHOICE = 10.0  # C for auto if there is one image of each class, so that nothing can be held out
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

    def scores(self, X: np.ndarray) -> np.ndarray:
        """Compute a score for each class.

        Args:
            X: numbers, (n, d).

        Returns:
            float64, (n, classes), below 0, as pair_scores gives them.
        """
        blocks = (X[start : start + BLOCK] for start in range(0, len(X), BLOCK))
        return np.concatenate([self._scores(round_to_grid(block, self.step)) for block in blocks])

    def _scores(self, rows: np.ndarray) -> np.ndarray:
        similar = kernel_matrix(rows, self.vectors, self.kernel, self.gamma)
        return pair_scores(similar, self.weights, self.intercepts, len(self.classes))

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Predict the class with the largest score: it wins the most pairs.

        Args:
            X: numbers, (n, d).

        Returns:
            int64, (n,): labels.
        """
        return self.classes[self.scores(X).argmax(axis=1)]

    def score(self, X: np.ndarray, y: np.ndarray) -> float:
        """Compute the accuracy of the predictions.

        Args:
            X: numbers, (n, d).
            y: int64, (n,): the true labels.

        Returns:
            0 to 1.
        """
        return float((self.predict(X) == y).mean())


def pair_scores(similar: np.ndarray, weights: np.ndarray, intercepts: np.ndarray, classes: int) -> np.ndarray:
    """Compute the scores of the classes from the decisions between pairs of them.

    The class that wins the most pairs has the largest score, as in SVC. But the number of won pairs does not say how
    clearly they were won. So the score of a class is the logarithm of the product of sigmoid(decision) over its pairs.
    If the class with the largest product is another one than the winner, the two exchange their scores. The product
    also decides between classes that win equally many pairs.

    Args:
        similar: float64, (n, m): kernel values between rows and support vectors.
        weights: float64, (m, pairs): of a SupportVectorMachine.
        intercepts: float64, (pairs,): of a SupportVectorMachine.
        classes: number of classes.

    Returns:
        float64, (n, classes), below 0.
    """
    with threadpool_limits(1):  # the number of threads would decide the last bits
        decisions = similar @ weights + intercepts
    votes, scores = np.zeros((2, len(similar), classes))
    for decision, (first, second) in zip(decisions.T, combinations(range(classes), 2), strict=True):
        votes[:, first] += decision > 0
        votes[:, second] += decision <= 0
        scores[:, first] += log_expit(decision)
        scores[:, second] += log_expit(-decision)
    rows = np.arange(len(similar))
    winner = np.where(votes == votes.max(axis=1, keepdims=True), scores, -np.inf).argmax(axis=1)
    clearest = scores.argmax(axis=1)
    scores[rows, winner], scores[rows, clearest] = scores[rows, clearest], scores[rows, winner]
    return scores


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
    return _fit(_prepare(X, y, kernel), np.arange(len(y)), C)


class _TrainingSet(NamedTuple):
    """Training rows with what does not depend on C.

    Attributes:
        kernel, gamma, step: of the SupportVectorMachine.
        rows: float64, (n, d), on the grid.
        y: int64, (n,): labels.
        similar: float64, (n, n): the kernel matrix of the rows. None if there are too many of them.
    """

    kernel: str
    gamma: float
    step: float
    rows: np.ndarray
    y: np.ndarray
    similar: np.ndarray | None


def _prepare(X: np.ndarray, y: np.ndarray, kernel: str) -> _TrainingSet:
    step = grid_step(X)
    rows = round_to_grid(X, step)
    # The last bits of the variance differ between processors, and the significand of a float32 does not have them.
    gamma = round_significand(1 / (rows.shape[1] * (rows.var() or 1.0)))
    similar = kernel_matrix(rows, rows, kernel, gamma) if len(rows) <= MAX_MATRIX_ROWS else None
    return _TrainingSet(kernel, gamma, step, rows, y, similar)


def _fit(train: _TrainingSet, positions: np.ndarray, C: float) -> SupportVectorMachine:
    """Fit a machine on some of the training rows, with the gamma of all of them."""
    rows = train.rows[positions]
    classes, y = np.unique(train.y[positions], return_inverse=True)
    # The solver takes the rows class by class, and their order decides where it stops within its tolerance. With
    # negative labels the last class comes first, as in version 0.1, so that results stay the same.
    if train.similar is None:
        fitted = SVC(C=C, kernel=train.kernel, gamma=train.gamma).fit(rows, -y)
    else:
        fitted = SVC(C=C, kernel="precomputed").fit(train.similar[np.ix_(positions, positions)], -y)
    weights, intercepts = _pair_decisions(fitted)
    order = np.argsort(fitted.support_)  # from one class after the other to the order of the rows
    vectors = rows[fitted.support_[order]]
    return SupportVectorMachine(train.kernel, train.gamma, train.step, classes, vectors, weights[order], intercepts)


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


class CalibratedMachine(NamedTuple):
    """A support vector machine whose scores have become probabilities.

    Attributes:
        machine: the fitted support vector machine.
        temperature: what its scores are divided by before the softmax function.
        rows: the number of training rows.
    """

    machine: SupportVectorMachine
    temperature: float
    rows: int

    def probabilities(self, X: np.ndarray, classes: int) -> np.ndarray:
        """Compute the probabilities of all classes.

        Args:
            X: numbers, (n, d).
            classes: number of classes.

        Returns:
            float64, (n, classes).
        """
        scores = self.machine.scores(X) / self.temperature
        return probabilities_of_all_classes(scores, self.machine.classes, classes, self.rows)


def choose_svm_penalty(X: np.ndarray, y: np.ndarray, kernel: str) -> float:
    """Choose the penalty C by the cross-validated log loss, after the calibration of each candidate.

    Args:
        X: numbers, (n, d).
        y: int, (n,): labels, of two classes or more.
        kernel: "linear" or "rbf".

    Returns:
        One of PENALTIES, or 10 if there is one different row of each class.
    """
    return _choose_penalty(_prepare(X, y, kernel), stratified_folds(X, y))


def _choose_penalty(train: _TrainingSet, folds: Sequence[Fold]) -> float:
    if not folds:
        return WITHOUT_CHOICE

    def loss(C: float) -> float:
        scores, labels = _cross_validated_scores(train, folds, C)
        return log_loss(scores / fit_temperature(scores, labels), labels)

    return choose_penalty(PENALTIES, loss)


def _cross_validated_scores(train: _TrainingSet, folds: Sequence[Fold], C: float) -> tuple[np.ndarray, np.ndarray]:
    """Compute the scores of the held-out rows, with the positions of their classes."""
    scores = [_fit(train, fold.fit, C)._scores(train.rows[fold.held_out]) for fold in folds]
    held_out = np.concatenate([fold.held_out for fold in folds])
    return np.concatenate(scores), np.unique(train.y, return_inverse=True)[1][held_out]


def fit_calibrated_svm(X: np.ndarray, y: np.ndarray, kernel: str, C: float | str) -> tuple[CalibratedMachine, float]:
    """Fit a support vector machine, and the temperature of its probabilities by cross-validation.

    Args:
        X: numbers, (n, d).
        y: int, (n,): labels, of two classes or more.
        kernel: "linear" or "rbf".
        C: penalty, or "auto" to choose it by cross-validation.

    Returns:
        The machine, and its C. Its temperature is 1 if there is one different row of each class.
    """
    train, folds = _prepare(X, y, kernel), stratified_folds(X, y)
    chosen = _choose_penalty(train, folds) if isinstance(C, str) else C
    temperature = fit_temperature(*_cross_validated_scores(train, folds, chosen)) if folds else 1.0
    return CalibratedMachine(_fit(train, np.arange(len(y)), chosen), temperature, len(y)), chosen


def evaluate_svm(features: FeatureSet, params: Svm | Pixels | Bands, stage: str = "svm") -> Results:
    """Fit a support vector machine on train, and predict val and test.

    Args:
        features: of train, val and test. Blocks are scaled first.
        params: kernel and C.
        stage: name of the classifier, for messages.

    Returns:
        Predictions, and C if it was chosen.
    """
    features = scale_blocks(features)
    X, y = features.select("train")
    warn_about_large_columns(stage, X)
    fitted, C = fit_calibrated_svm(X, y, params.kernel, params.C)
    val, test = (
        most_probable(features.y[subset], fitted.probabilities(features.X[subset], len(features.classes)))
        for subset in ("val", "test")
    )
    if params.C != "auto":
        return Results(val, test, len(y))
    print(describe_choice(stage, C, PENALTIES))
    return Results(val, test, len(y), {"C": C})
