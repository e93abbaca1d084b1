"""The choice of the tiles to label next: typical ones first, later also those that the model is unsure of."""

from typing import NamedTuple

import numpy as np
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

from eurosat_transfer.exact import round_to_grid

COMPONENTS = 64
STEP = 2.0**-20  # the grid of the reduced features: the last bits of a library's sums do not reach the clusters
NEIGHBOURS = 20  # of a tile, for its typicality
NO_LABEL = -1


class Suggestion(NamedTuple):
    """A tile to label.

    Attributes:
        row: of the tile.
        cluster: number of its cluster, from 1: the largest has 1.
        size: number of tiles in the cluster.
    """

    row: int
    cluster: int
    size: int


def suggest_labels(X: np.ndarray, y: np.ndarray, count: int) -> list[Suggestion]:
    """Choose the tiles to label next.

    Args:
        X: numbers, (n, d): features of all tiles, with and without labels.
        y: int, (n,): labels, NO_LABEL for none.
        count: number of tiles, at most those without a label.

    Returns:
        The tiles, the most useful first. Equal arguments give the same tiles on any number of cores.

    Source:
        Hacohen et al., 2022, "Active Learning on a Budget: Opposite Strategies Suit High and Low Budgets" (TypiClust),
        https://arxiv.org/abs/2202.02794
    """
    with threadpool_limits(1):
        Z = reduce_features(X)
        clusters = _cluster(Z, int((y != NO_LABEL).sum()) + count)
        return _most_typical(Z, y, clusters, count)


def reduce_features(X: np.ndarray) -> np.ndarray:
    """Reduce features to their main components, of length 1.

    Args:
        X: numbers, (n, d).

    Returns:
        float64, (n, COMPONENTS at most).
    """
    components = min(COMPONENTS, *X.shape)
    Z = PCA(components, svd_solver="full").fit_transform(X.astype(np.float64))
    lengths = np.linalg.norm(Z, axis=1, keepdims=True)
    return round_to_grid(Z / np.where(lengths > 0, lengths, 1), STEP)


def _cluster(Z: np.ndarray, count: int) -> np.ndarray:
    different = len(np.unique(Z, axis=0))
    clusters = KMeans(min(count, different), n_init=1, random_state=0).fit(Z).labels_
    names = np.unique(clusters, return_inverse=True)[1]
    rank = np.argsort(np.argsort(-np.bincount(names), kind="stable"), kind="stable")
    return rank[names]


def _most_typical(Z: np.ndarray, y: np.ndarray, clusters: np.ndarray, count: int) -> list[Suggestion]:
    """Take the most typical tile of each cluster, first of those with the fewest labels, and of these the largest."""
    sizes = np.bincount(clusters)
    labels = np.bincount(clusters[y != NO_LABEL], minlength=len(sizes))
    waiting = {}
    for cluster in range(len(sizes)):
        rows = np.flatnonzero((clusters == cluster) & (y == NO_LABEL))
        if len(rows):
            waiting[cluster] = rows[np.argsort(_spread(Z, np.flatnonzero(clusters == cluster), rows), kind="stable")]
    chosen: list[Suggestion] = []
    taken = dict.fromkeys(waiting, 0)
    while len(chosen) < count:
        open_clusters = [cluster for cluster in waiting if taken[cluster] < len(waiting[cluster])]
        cluster = min(open_clusters, key=lambda c: (labels[c] + taken[c], c))
        chosen.append(Suggestion(int(waiting[cluster][taken[cluster]]), cluster + 1, int(sizes[cluster])))
        taken[cluster] += 1
    return chosen


def _spread(Z: np.ndarray, members: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Compute the mean distance of tiles to their nearest neighbours in a cluster: the smaller, the more typical."""
    if len(members) == 1:
        return np.zeros(len(rows))
    near = min(NEIGHBOURS, len(members) - 1)
    distances, _ = NearestNeighbors(n_neighbors=near + 1).fit(Z[members]).kneighbors(Z[rows])
    spread: np.ndarray = distances[:, 1:].mean(axis=1)
    return spread
