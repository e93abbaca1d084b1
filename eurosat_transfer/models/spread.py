"""The classifier spread: labels spread to unlabelled images, and a linear classifier learns from all of them.

A few labels say little about the shape of the classes. The unlabelled images show it. So the labels spread over a graph
of all images, and a logistic regression on the labels alone has a say too. Together they give every image a label. A
linear discriminant learns from these labels. In further rounds it labels the images itself and learns again. It
classifies new images. It is also more accurate than the graph, because it averages over many images.
"""

from functools import partial
from typing import NamedTuple

import numpy as np
from scipy.linalg import cho_factor, cho_solve, eigh
from scipy.sparse import csr_matrix
from scipy.special import log_softmax
from threadpoolctl import threadpool_limits

from eurosat_transfer.data.subsets import UNLABELLED
from eurosat_transfer.evaluation.predictions import Results, most_probable
from eurosat_transfer.exact import grid_step, round_to_grid
from eurosat_transfer.features.feature_set import FeatureSet
from eurosat_transfer.models.calibration import fit_temperature
from eurosat_transfer.models.column_scale import warn_about_large_columns
from eurosat_transfer.models.cross_validation import stratified_folds
from eurosat_transfer.models.label_spreading import build_graph, spread_labels
from eurosat_transfer.models.logistic_regression import (
    SEARCH_TOLERANCE,
    WITHOUT_CHOICE,
    SoftmaxLayer,
    fit_logistic_regression,
)
from eurosat_transfer.parameters.spread import Spread

# All chosen on the half of EuroSAT that train and val come from, see docs/spread.md.
GRAPH_WEIGHT = 2  # of the graph's log probabilities, for each one of the logistic regression's
ROUNDS = 5  # in which the discriminant learns
RIDGE = 10.0  # of the discriminant, with one label: the more labels, the fewer of the labels it learns from are wrong
PSEUDO_LABELS = 10  # of each class, added when the labels show how frequent the classes are: few labels say little
SMALLEST_DENSITY = 1e-12  # of a class at a node, for an average of 1: where no label spreads to, no class is preferred


class Nodes(NamedTuple):
    """Labelled and unlabelled images, with what does not depend on the labels.

    Attributes:
        graph: of build_graph, (n, n), of the principal components of the images.
        rows: float64, (n, d), on a grid on which sums of products are exact.
        learned: float64, (n,): 1 for the rows that the discriminant learns from, otherwise 0.
        products: float64, (d, d): rows.T @ rows of the learned rows.
    """

    graph: csr_matrix
    rows: np.ndarray
    learned: np.ndarray
    products: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """The mean of the learned rows: float64, (d,)."""
        mean: np.ndarray = self.learned @ self.rows / self.learned.sum()
        return mean

    @property
    def covariance(self) -> np.ndarray:
        """The covariance of the learned rows: float64, (d, d)."""
        mean = self.mean
        covariance: np.ndarray = self.products / self.learned.sum() - np.outer(mean, mean)
        return covariance

    def leave_out(self, held_out: np.ndarray) -> "Nodes":
        """Let the discriminant learn nothing from some rows. They stay in the graph.

        Args:
            held_out: int64, (m,): their positions.
        """
        learned = self.learned.copy()
        learned[held_out] = 0
        products = self.products - self.rows[held_out].T @ self.rows[held_out]
        return self._replace(learned=learned, products=products)


def prepare_nodes(X: np.ndarray, params: Spread) -> Nodes:
    """Compute the graph and the covariance of images.

    Args:
        X: numbers, (n, d), n of 2 or more.
        params: neighbours, and the number of principal components that show which images are near.
    """
    rows = round_to_grid(X, grid_step(X.T))
    nodes = Nodes(csr_matrix((0, 0)), rows, np.ones(len(rows)), rows.T @ rows)
    last = rows.shape[1] - 1
    with threadpool_limits(1):  # the number of threads would decide the last bits
        _, directions = eigh(nodes.covariance, subset_by_index=(max(last - params.components + 1, 0), last))
        return nodes._replace(graph=build_graph(rows @ directions, params.neighbours))


def fit_layer(nodes: Nodes, labelled: np.ndarray, y: np.ndarray, alpha: float) -> SoftmaxLayer:
    """Fit the linear classifier. Its scores are no logarithms of probabilities.

    Args:
        nodes: all images.
        labelled: int64, (m,): which of them have labels.
        y: int, (m,): their labels, of two classes or more.
        alpha: of spread_labels.
    """
    classes, labels = np.unique(y, return_inverse=True)
    start = np.zeros((len(nodes.rows), len(classes)))
    start[labelled, labels] = 1
    regression, _ = fit_logistic_regression(nodes.rows[labelled], y, WITHOUT_CHOICE, SEARCH_TOLERANCE)
    spread = spread_labels(nodes.graph, start, alpha)
    # Each class has the same sum over all nodes, or a class with more labels would win where labels are far.
    density = spread / spread.mean(axis=0) + SMALLEST_DENSITY
    scores = GRAPH_WEIGHT * np.log(density) + log_softmax(regression.scores(nodes.rows), axis=1)
    frequencies = np.bincount(labels) + PSEUDO_LABELS
    fit = partial(_fit_discriminant, nodes, _factorise(nodes, len(y)), frequencies / frequencies.mean())
    for _ in range(ROUNDS):
        found = scores.argmax(axis=1)
        found[labelled] = labels
        layer = SoftmaxLayer(classes, *fit(np.eye(len(classes))[found]), len(y))
        scores = layer.scores(nodes.rows)
    return layer


def _factorise(nodes: Nodes, labels: int) -> tuple[np.ndarray, bool]:
    """Factorise the covariance with its ridge, for scipy.linalg.cho_solve.

    The penalty of the weights is for rows with a mean squared distance of 1 from their mean, as in
    fit_logistic_regression.
    """
    covariance, count = nodes.covariance, nodes.learned.sum()
    ridge = RIDGE / np.sqrt(labels) * (np.trace(covariance) or 1.0) / count
    with threadpool_limits(1):
        factor: tuple[np.ndarray, bool] = cho_factor(covariance + ridge * np.eye(len(covariance)))
    return factor


def _fit_discriminant(
    nodes: Nodes, factor: tuple[np.ndarray, bool], frequencies: np.ndarray, indicators: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Fit a ridge regression on scaled indicators of the classes.

    With equal frequencies, the scale is that of optimal scoring: rare classes are found as often as others. If the
    frequencies are the shares of the classes, there is no scale, and the most probable class has the largest score.

    Args:
        nodes: all images.
        factor: of their covariance with the ridge.
        frequencies: float64, (classes,): estimated from the labels, with a mean of 1.
        indicators: float64, (n, classes): 1 for the class of an image, otherwise 0.

    Returns:
        The weights, (d, classes), and the intercepts, (classes,).

    Source:
        Hastie, Buja and Tibshirani, 1995, Penalized Discriminant Analysis.
    """
    learned = indicators * nodes.learned[:, None]
    shares = learned.sum(axis=0) / nodes.learned.sum()
    scale = np.sqrt(frequencies / shares)
    with threadpool_limits(1):
        mean = nodes.mean
        differences = nodes.rows.T @ learned / nodes.learned.sum() - np.outer(mean, shares)
        weights = cho_solve(factor, differences) * scale
        return weights, shares * scale - mean @ weights


def fit_spread(
    X: np.ndarray, y: np.ndarray, unlabelled: np.ndarray, params: Spread, predicts_them: bool = False
) -> SoftmaxLayer:
    """Fit the linear classifier, and the temperature of its probabilities by cross-validation on the labels.

    Args:
        X: numbers, (m, d): images with labels.
        y: int, (m,): labels, of two classes or more.
        unlabelled: numbers, (n, d): images without labels.
        params: of the stage.
        predicts_them: whether probabilities are wanted of the unlabelled images, and not of new ones. The discriminant
            repeats the labels that it learned from. So it must learn from the held-out images of the cross-validation,
            without their labels, if and only if it learned from the images that are predicted.

    Returns:
        The layer. Its temperature is 1 if there is one different row of each class.
    """
    nodes = prepare_nodes(np.concatenate([X, unlabelled]), params)
    layer = fit_layer(nodes, np.arange(len(y)), y, params.alpha)
    if not (folds := stratified_folds(X, y)):
        return layer
    scores = []
    for fit, held_out in folds:
        seen = nodes if predicts_them else nodes.leave_out(held_out)
        scores.append(fit_layer(seen, fit, y[fit], params.alpha).scores(X[held_out]))
    held_out = np.concatenate([fold.held_out for fold in folds])
    temperature = fit_temperature(np.concatenate(scores), np.searchsorted(layer.classes, y[held_out]))
    return layer._replace(weights=layer.weights / temperature, intercepts=layer.intercepts / temperature)


def select_unlabelled(features: FeatureSet, unlabelled: str) -> np.ndarray:
    """Select the images whose features are used without their labels.

    Args:
        features: of one fold.
        unlabelled: none; rest, the subset UNLABELLED, if there is one; or test, which stands for val and test.

    Returns:
        X, (n, d).
    """
    subsets = {"none": (), "rest": (UNLABELLED,), "test": ("val", "test")}[unlabelled]
    return np.concatenate([features.X["train"][:0], *(features.X[name] for name in subsets if name in features.X)])


def evaluate_spread(features: FeatureSet, params: Spread, unlabelled: str) -> Results:
    """Fit the classifier on train and on unlabelled images, and predict val and test.

    Args:
        features: of train, val and test, and perhaps UNLABELLED.
        params: of the stage.
        unlabelled: split.unlabelled, see select_unlabelled.

    Returns:
        Predictions, and what was used.
    """
    X, y = features.select("train")
    others = select_unlabelled(features, unlabelled)
    warn_about_large_columns("spread", X)
    fitted = fit_spread(X, y, others, params, predicts_them=unlabelled == "test")
    val, test = (
        most_probable(features.y[subset], fitted.probabilities(features.X[subset], len(features.classes)))
        for subset in ("val", "test")
    )
    return Results(val, test, len(y), unlabelled=len(others), saw_test=unlabelled == "test")
