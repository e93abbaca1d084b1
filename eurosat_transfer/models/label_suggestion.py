"""The choice of the tiles to label next."""

from typing import NamedTuple

import numpy as np
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from threadpoolctl import threadpool_limits

from eurosat_transfer.exact import round_to_grid
from eurosat_transfer.models.logistic_regression import choose_logistic_penalty, fit_logistic_regression

NO_LABEL = -1
COMPONENTS = 24
RESTARTS = 8  # of k-means: the best of them counts
SMALLEST = 1e-6  # of the largest standard deviation: smaller components are rounding errors
STEP = 2.0**-20  # the grid of the reduced features: the last bits of sums do not reach the clusters


class Suggestion(NamedTuple):
    """A tile to label.

    Attributes:
        row: of the tile.
        cluster: number of its cluster, from 1. The cluster that matters most has 1.
        size: number of tiles in the cluster.
        sought: the class with a single label that this tile may have too. NO_LABEL: the tile is here for its cluster.
    """

    row: int
    cluster: int
    size: int
    sought: int = NO_LABEL


def fit_beliefs(X: np.ndarray, y: np.ndarray) -> np.ndarray | None:
    """Estimate the classes of all tiles by logistic regression on the labels so far.

    Args:
        X: numbers, (n, d): features of all tiles, with and without labels.
        y: int, (n,): labels, NO_LABEL for none. Every label below the largest one occurs.

    Returns:
        Probabilities, float64, (n, classes). None if fewer than two classes have a label.
    """
    labelled = y != NO_LABEL
    classes = len(np.unique(y[labelled]))
    if classes < 2:
        return None
    C = choose_logistic_penalty(X[labelled], y[labelled])
    return fit_logistic_regression(X[labelled], y[labelled], C)[0].probabilities(X, classes)


def suggest_labels(X: np.ndarray, y: np.ndarray, count: int, beliefs: np.ndarray | None = None) -> list[Suggestion]:
    """Choose the tiles to label next: one for each of the clusters that have no label yet.

    The tiles are divided into as many clusters as there are labels and tiles to choose. From each of the largest
    clusters without a label comes the tile nearest to its centre. With beliefs, tiles count by the doubt of their
    class: 1 minus the difference between the two largest probabilities. So there are more and smaller clusters where
    the model is in doubt, and hardly any where it is certain. The fewer labels of each class there are, the less the
    doubt matters.

    A class with a single label cannot be trained and tested. So the tile that most probably has the same class comes
    first.

    Args:
        X: numbers, (n, d): features of all tiles, with and without labels.
        y: int, (n,): labels, NO_LABEL for none.
        count: number of tiles, at most those without a label.
        beliefs: as fit_beliefs returns them. None: all tiles count alike.

    Returns:
        The tiles, the most useful first. Equal arguments give the same tiles on any number of cores.

    Source:
        Hacohen et al., 2022, Active Learning on a Budget: Opposite Strategies Suit High and Low Budgets (TypiClust),
        for clusters without a label. TypiClust takes the tile with the nearest neighbours, this function the one
        nearest to the centre. Zhdanov, 2019, Diverse mini-batch Active Learning, for k-means with weights.
    """
    with threadpool_limits(1):
        Z = reduce_features(X)
        known = int((y != NO_LABEL).sum())
        weights = np.ones(len(Z)) if beliefs is None else _weigh(beliefs, known)
        clusters, distances = _cluster(Z, known + count, weights)
    sizes = np.bincount(clusters)
    sought = {} if beliefs is None else dict(list(_find_second_tiles(y, beliefs).items())[:count])
    is_free = y == NO_LABEL
    is_free[list(sought)] = False
    labels = np.bincount(clusters[~is_free], minlength=len(sizes))
    free = np.flatnonzero(is_free)
    free = free[np.lexsort((free, distances[free], clusters[free]))]
    place = np.arange(len(free)) - np.searchsorted(clusters[free], clusters[free])  # in its own cluster
    order = np.lexsort((clusters[free], labels[clusters[free]] + place))
    rows = [*sought, *free[order][: count - len(sought)].tolist()]
    return [
        Suggestion(row, int(clusters[row]) + 1, int(sizes[clusters[row]]), sought.get(row, NO_LABEL)) for row in rows
    ]


def _weigh(beliefs: np.ndarray, labels: int) -> np.ndarray:
    """Weigh tiles by their doubt. A model of few labels is often wrong where it is certain, so weights have a minimum.

    Args:
        beliefs: float64, (n, classes).
        labels: number of labels that the beliefs come from. With one label of each class, doubt has no say.
    """
    return np.maximum(measure_doubt(beliefs), min(1, beliefs.shape[1] / labels))


def _find_second_tiles(y: np.ndarray, beliefs: np.ndarray) -> dict[int, int]:
    """Find, for each class with a single label, the tile without a label that most probably has this class.

    Returns:
        The class by row of the tile.
    """
    found: dict[int, int] = {}
    free = np.flatnonzero(y == NO_LABEL)
    for label in np.flatnonzero(np.bincount(y[y != NO_LABEL]) == 1).tolist():
        free = free[~np.isin(free, list(found))]
        if len(free):
            found[int(free[beliefs[free, label].argmax()])] = label
    return found


def measure_doubt(beliefs: np.ndarray) -> np.ndarray:
    """Measure how near the two most probable classes of each tile are to each other.

    Args:
        beliefs: float64, (n, classes), two classes or more.

    Returns:
        float64, (n,): 0 if a class is certain, 1 if two classes are equally probable.
    """
    two = np.sort(beliefs, axis=1)[:, -2:]
    return 1 - (two[:, 1] - two[:, 0])


def reduce_features(X: np.ndarray) -> np.ndarray:
    """Reduce features to their main components, and give every row the length 1.

    Each component is divided by the square root of its standard deviation. Otherwise the first few would decide nearly
    alone which tiles are similar.

    Args:
        X: numbers, (n, d).

    Returns:
        float64, (n, components): COMPONENTS, or as many as there are.
    """
    if not np.ptp(X, axis=0).any():  # all rows are equal
        return np.zeros((len(X), 1))
    Z = PCA(min(COMPONENTS, len(X) - 1, X.shape[1]), svd_solver="covariance_eigh").fit_transform(X.astype(np.float64))
    deviations = Z.std(axis=0)
    Z /= np.sqrt(np.where(deviations > SMALLEST * deviations.max(), deviations, np.inf))
    lengths = np.linalg.norm(Z, axis=1, keepdims=True)
    return round_to_grid(Z / np.where(lengths > 0, lengths, 1), STEP)


def _cluster(Z: np.ndarray, count: int, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Divide rows into clusters by k-means.

    Returns:
        The cluster of each row, int64, (n,), from 0, that with the largest sum of weights first; and the squared
        distance of each row to the centre of its cluster, float64, (n,).
    """
    count = min(count, len(np.unique(Z, axis=0)))
    fitted = KMeans(count, n_init=RESTARTS, random_state=0).fit(Z, sample_weight=weights)
    distances = ((Z - fitted.cluster_centers_[fitted.labels_]) ** 2).sum(axis=1)
    rank = np.empty(count, np.int64)
    rank[np.argsort(-np.bincount(fitted.labels_, weights, count), kind="stable")] = np.arange(count)
    return rank[fitted.labels_], distances
