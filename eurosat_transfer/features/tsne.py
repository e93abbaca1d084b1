"""t-SNE that gives the same bits on every machine.

A different last bit in a distance or in the start leads t-SNE to a different picture. So the rows are rounded to a grid
on which distances are exact, and the start is rounded to nine decimals.
"""

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

from eurosat_transfer.errors import UserError
from eurosat_transfer.evaluation.embedding import NEIGHBOURS
from eurosat_transfer.exact import grid_step, round_to_grid
from eurosat_transfer.parameters.tsne import Tsne

MIN_IMAGES = 2 * NEIGHBOURS + 1  # trustworthiness is not defined for fewer
# With this many rows a thread, scikit-learn lets each thread find all neighbours of its own rows. With fewer, threads
# search different parts of the data, and their number decides which of several equally near rows comes first.
ROWS_PER_THREAD = 1025


class NeighbourGraph(NamedTuple):
    """Rows with their nearest neighbours, and the start of t-SNE.

    Attributes:
        rows: float64, (n, d), on a grid, see eurosat_transfer.exact.
        neighbours: int64, (n, k): positions of the nearest other rows, nearest first.
        distances: float64, (n, k): the distances to these.
        start: float32, (n, 2): the first two principal components, scaled down.
    """

    rows: np.ndarray
    neighbours: np.ndarray
    distances: np.ndarray
    start: np.ndarray


def select_rows(count: int, params: Tsne) -> np.ndarray:
    """Select the test images to show, evenly spaced.

    Args:
        count: number of test images.
        params: images, the largest number to show, and perplexity.

    Returns:
        int64, (shown,): increasing positions among the test images, with the first and the last one.

    Raises:
        UserError: there are too few images for the perplexity or for the trustworthiness.
    """
    shown = count if params.images == "all" else min(params.images, count)
    if shown < MIN_IMAGES:
        raise UserError(f"t-SNE shows {shown} test images; allowed: {MIN_IMAGES} or more; see tsne.images, split.test")
    if params.perplexity >= shown:
        raise UserError(f"tsne.perplexity={params.perplexity:g} is too large; allowed: below {shown}, the test images")
    return np.linspace(0, count - 1, shown).astype(int)


def find_neighbours(name: str, X: np.ndarray, params: Tsne) -> NeighbourGraph:
    """Find the nearest neighbours of rows, and their principal components as the start of t-SNE.

    Args:
        name: of the rows, for the error message.
        X: numbers, (n, d).
        params: perplexity, which sets the number of neighbours, NEIGHBOURS or more; seed of the solver of the
            principal components.

    Raises:
        UserError: there is only one column, or all rows are equal on the grid.
    """
    needed = "needed: two columns or more, and two different rows or more"
    if X.shape[1] < 2:
        raise UserError(f"t-SNE cannot project the {name}; {needed} (found {X.shape[1]} columns)")
    # As many as scikit-learn's t-SNE would search, but enough for neighbour_agreement too.
    neighbours = min(len(X) - 1, max(NEIGHBOURS, int(3 * params.perplexity) + 1))
    rows = round_to_grid(X, grid_step(X))
    if (rows[0] == rows).all():
        raise UserError(
            f"t-SNE cannot project the {name}; {needed} (found {len(X)} equal rows: all test images look alike); look "
            "at plots/tiles.png, and check the images and data.scale"
        )
    with threadpool_limits(max(1, min(os.cpu_count() or 1, len(rows) // ROWS_PER_THREAD))):
        distances, found = NearestNeighbors(n_neighbors=neighbours).fit(rows).kneighbors()
    solver = "arpack" if rows.shape[1] > 2 else "full"  # arpack computes only two components, but needs three columns
    start = PCA(2, svd_solver=solver, random_state=params.seed).fit_transform(rows)
    return NeighbourGraph(rows, found, distances, (start / start[:, 0].std() * 1e-4).round(9).astype(np.float32))


def project(graph: NeighbourGraph, params: Tsne) -> np.ndarray:
    """Project rows by t-SNE, starting from their principal components.

    Args:
        graph: of the rows, from find_neighbours with the same parameters.
        params: perplexity and seed.

    Returns:
        float32, (n, 2).

    Source:
        van der Maaten and Hinton, 2008, Visualizing Data using t-SNE.
    """
    count = len(graph.rows)
    # scikit-learn takes a sparse matrix of distances in which each row is its own first neighbour.
    columns = np.hstack([np.arange(count)[:, None], graph.neighbours])
    largest = graph.distances.max() or 1.0  # 0 if all rows have more equal ones than neighbours are searched
    distances = np.hstack([np.zeros((count, 1)), graph.distances / largest])
    precomputed = csr_array((distances.ravel(), columns.ravel(), np.arange(count + 1) * columns.shape[1]))
    tsne = TSNE(perplexity=params.perplexity, random_state=params.seed, init=graph.start, metric="precomputed")
    return tsne.fit_transform(precomputed)


def project_all(graphs: Mapping[str, NeighbourGraph], params: Tsne) -> dict[str, np.ndarray]:
    """Project several sets of rows at the same time.

    Each projection uses one thread, because more threads could round sums differently.

    Args:
        graphs: by name.
        params: perplexity and seed, the same for every projection.

    Returns:
        float32, (n, 2), by name.
    """
    # The limit of BLAS holds for the whole process. The limit of OpenMP holds for the thread that sets it.
    with threadpool_limits(1), ThreadPoolExecutor(len(graphs), "", threadpool_limits, (1,)) as pool:
        return dict(zip(graphs, pool.map(lambda graph: project(graph, params), graphs.values()), strict=True))
