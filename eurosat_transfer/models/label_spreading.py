"""Label spreading over a graph of nearest neighbours.

scikit-learn's LabelSpreading keeps one row of neighbours for each node, so that its graph is not symmetric, and it
iterates. Here the graph is symmetric, and the solution is that of the system of equations.
"""

import numpy as np
from scipy.sparse import csr_matrix, diags_array
from scipy.sparse.linalg import LinearOperator, cg
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

from eurosat_transfer.exact import grid_step, round_to_grid

TOLERANCE = 1e-12  # of the solution: far from all labels its values are small, and their ratios decide


def build_graph(X: np.ndarray, neighbours: int) -> csr_matrix:
    """Connect every row with its nearest neighbours. An edge of one of the two rows is an edge of both.

    Args:
        X: numbers, (n, d), n of 2 or more.
        neighbours: of each row. If there are too few rows, all others are neighbours.

    Returns:
        float64, (n, n), symmetric: the weights of the edges, each divided by the square roots of the numbers of edges
        at its two ends. Equal rows give the same bits on any number of cores.
    """
    rows = round_to_grid(X, grid_step(X))
    nearest = NearestNeighbors(n_neighbors=min(neighbours, len(rows) - 1))
    with threadpool_limits(1):  # the number of threads would decide which of several equally near rows count
        edges = nearest.fit(rows).kneighbors_graph()
    edges = edges.maximum(edges.T)
    scale = diags_array(1 / np.sqrt(np.asarray(edges.sum(axis=1)).ravel()))
    return csr_matrix(scale @ edges @ scale)


def spread_labels(graph: csr_matrix, start: np.ndarray, alpha: float) -> np.ndarray:
    """Spread labels from some nodes to all nodes.

    Args:
        graph: of build_graph, (n, n).
        start: float64, (n, classes): 1 where a node has the label of a class, otherwise 0.
        alpha: from 0 to below 1: the share of its value that a node takes from its neighbours.

    Returns:
        float64, (n, classes), 0 or more: the solution F of F = alpha * graph @ F + (1 - alpha) * start. It is 0 where
        no path leads to a label of the class.

    Source:
        Zhou et al., 2004, Learning with Local and Global Consistency.
    """

    def apply(values: np.ndarray) -> np.ndarray:
        columns = values.reshape(start.shape)
        return np.asarray(columns - alpha * (graph @ columns)).ravel()

    with threadpool_limits(1):  # the number of threads would decide the last bits
        system = LinearOperator((start.size, start.size), matvec=apply, dtype=np.float64)
        solution, _ = cg(system, (1 - alpha) * start.ravel(), rtol=TOLERANCE)
    return np.maximum(solution.reshape(start.shape), 0)
