"""The k-nearest-neighbour classifier, with the same predictions on any number of cores."""

from typing import NamedTuple

import numpy as np
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

from eurosat_transfer.errors import UserError
from eurosat_transfer.evaluation.predictions import Results, most_probable
from eurosat_transfer.exact import grid_step, round_to_grid
from eurosat_transfer.features.feature_set import FeatureSet
from eurosat_transfer.models.calibration import fit_temperature, probabilities_of_all_classes
from eurosat_transfer.models.column_scale import warn_about_large_columns
from eurosat_transfer.models.equal_rows import number_equal_rows
from eurosat_transfer.parameters.knn import Knn


class NearestRows(NamedTuple):
    """Training rows that vote.

    Attributes:
        k: number of neighbours that vote.
        step: of the grid that rows are rounded to.
        rows: float64, (m, d), on the grid: the training rows.
        classes: int64, (classes,): the labels, in increasing order.
        votes_for: int64, (m,): the position in classes of the class of each training row.
        temperature: what the scores are divided by before the softmax function.
    """

    k: int
    step: float
    rows: np.ndarray
    classes: np.ndarray
    votes_for: np.ndarray
    temperature: float

    def scores(self, X: np.ndarray) -> np.ndarray:
        """Compute a score for each class.

        Args:
            X: numbers, (n, d).

        Returns:
            float64, (n, classes), as vote_scores gives them.
        """
        neighbours = _nearest(self.rows, round_to_grid(X, self.step), self.k)
        return vote_scores(self.votes_for[neighbours], len(self.classes))

    def probabilities(self, X: np.ndarray, classes: int) -> np.ndarray:
        """Compute the probabilities of all classes.

        Args:
            X: numbers, (n, d).
            classes: number of classes.

        Returns:
            float64, (n, classes).
        """
        return probabilities_of_all_classes(self.scores(X) / self.temperature, self.classes, classes, len(self.rows))


def _nearest(rows: np.ndarray, X: np.ndarray | None, k: int) -> np.ndarray:
    """Find the k nearest of some rows: int64, (n, k), nearest first. Without X, each row is compared with the others.

    scikit-learn can share the rows out among threads. Their number would decide which of several equally near rows
    count.
    """
    with threadpool_limits(1):
        neighbours: np.ndarray = NearestNeighbors(n_neighbors=k).fit(rows).kneighbors(X, return_distance=False)
    return neighbours


def _nearest_others(rows: np.ndarray, groups: np.ndarray, k: int) -> np.ndarray:
    """Find the k nearest of the rows that differ from each row: int64, (n, k), nearest first.

    Args:
        rows: float64, (n, d), on the grid.
        groups: int64, (n,): the number of each row. Equal rows have the same number.
        k: number of neighbours, at most the number of rows outside the largest group.
    """
    copies = int(np.bincount(groups).max()) - 1  # at most this many neighbours of a row are equal to it
    neighbours = _nearest(rows, None, k + copies)
    is_copy = groups[neighbours] == groups[:, None]
    different_first = np.argsort(is_copy, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(neighbours, different_first, axis=1)


def vote_scores(neighbours: np.ndarray, classes: int) -> np.ndarray:
    """Count the votes of neighbours. Of classes with equally many votes, the one with the nearest neighbour is first.

    Args:
        neighbours: int64, (n, k): classes of the neighbours, nearest first.
        classes: number of classes.

    Returns:
        float64, (n, classes): the number of votes, plus a number from 0 to below 1 that is larger the nearer the
        nearest neighbour of the class is.
    """
    k = neighbours.shape[1]
    votes = neighbours[:, :, None] == np.arange(classes)
    nearness = votes * np.arange(k, 0, -1)[:, None] / (k + 1)
    return votes.sum(axis=1) + nearness.max(axis=1)


def fit_knn(X: np.ndarray, y: np.ndarray, k: int) -> NearestRows:
    """Store training rows, and fit the temperature of the probabilities to the votes of each row's neighbours.

    Args:
        X: numbers, (m, d), m of k or more.
        y: int, (m,): labels.
        k: number of neighbours that vote.

    Returns:
        The classifier. For the temperature, the neighbours of a training row do not include the row itself and the rows
        that are equal to it.
    """
    step = grid_step(X)
    rows = round_to_grid(X, step)
    classes, votes_for = np.unique(y, return_inverse=True)
    temperature = 1.0
    groups = number_equal_rows(rows)
    most_votes = min(k, len(y) - int(np.bincount(groups).max()))
    if most_votes:
        others = _nearest_others(rows, groups, most_votes)
        temperature = fit_temperature(vote_scores(votes_for[others], len(classes)), votes_for)
    return NearestRows(k, step, rows, classes, votes_for, temperature)


def evaluate_knn(features: FeatureSet, params: Knn) -> Results:
    """Predict the most frequent class among the k nearest training images, for val and test.

    Args:
        features: of train, val and test.
        params: the number of neighbours, k.

    Returns:
        Predictions.

    Raises:
        UserError: k is larger than the number of training images.
    """
    X, y = features.select("train")
    if params.k > len(y):
        raise UserError(f"knn.k={params.k} is too large; allowed: 1 to {len(y)}, the number of training images")
    warn_about_large_columns("knn", X)
    fitted = fit_knn(X, y, params.k)
    val, test = (
        most_probable(features.y[subset], fitted.probabilities(features.X[subset], len(features.classes)))
        for subset in ("val", "test")
    )
    return Results(val, test, len(y))
