"""Quality of features, and of pictures of them in two dimensions."""

import numpy as np
from sklearn.neighbors import NearestNeighbors

from eurosat_transfer.exact import squared_distances

NEIGHBOURS = 5
BLOCK = 500  # number of rows whose distances to all rows are in memory at the same time


def neighbour_agreement(neighbours: np.ndarray, y: np.ndarray) -> float:
    """Compute the share of nearest neighbours that have the same label as their row.

    Args:
        neighbours: int64, (n, k): positions of the rows nearest to each row, without the row itself.
        y: int64, (n,): labels.

    Returns:
        The share among all n * k neighbours, 0 to 1.
    """
    return float((y[neighbours] == y[:, None]).mean())


def trustworthiness(rows: np.ndarray, points: np.ndarray, neighbours: int = NEIGHBOURS) -> float:
    """Measure to what extent neighbours in a picture are neighbours in the data.

    A neighbour in the picture that is not among the k nearest rows in the data costs as much as its rank exceeds k.
    scikit-learn has a function of the same name, which needs all distances and their order in memory.

    Args:
        rows: float64, (n, d): the data, on a grid of eurosat_transfer.exact.
        points: float, (n, 2): the picture.
        neighbours: k, the number of neighbours of each point, below n / 2.

    Returns:
        0 to 1. If it is 1, all neighbours in the picture are neighbours in the data.

    Source:
        Venna and Kaski, 2001, Neighborhood preservation in nonlinear projection methods: an experimental study.
    """
    count = len(rows)
    found = NearestNeighbors(n_neighbors=neighbours).fit(points).kneighbors(return_distance=False)
    penalty = 0
    for start in range(0, count, BLOCK):
        here = np.arange(start, min(start + BLOCK, count))
        distances = squared_distances(rows[here], rows)
        distances[here - start, here] = np.inf  # a row is not its own neighbour
        for neighbour in found[here].T:
            nearer = distances < distances[here - start, neighbour][:, None]
            penalty += np.maximum(np.count_nonzero(nearer, axis=1) + 1 - neighbours, 0).sum()
    return float(1 - penalty * 2 / (count * neighbours * (2 * count - 3 * neighbours - 1)))
