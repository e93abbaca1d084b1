"""Two-dimensional pictures of the deep features and, where there are images, of the raw pixels, side by side.

Reads   data/features.npz  data/pixels.npz
Writes  metrics/tsne.json   features and pixels: neighbour_agreement, trustworthiness
        plots/tsne.png, plots/tsne.csv (row: the image's place in test, class, feature_x, feature_y, pixel_x, pixel_y)

The test images, as of these every classifier has said something: the report shows it point by point.

neighbour_agreement: the share of an image's 5 nearest neighbours that have its class, before the projection.
trustworthiness: how far neighbours in the picture are neighbours in truth (Venna and Kaski, 2001), 0 to 1.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from scipy.sparse import csr_array
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

from stages.common.exact import on_grid, squared_distances, step_of
from stages.common.features import load_features
from stages.common.files import whole, write_csv, write_json
from stages.common.params import Tsne, load_params
from stages.common.stage import UserError, run_stage

NEIGHBOURS = 5
ROWS_A_THREAD = 1025  # from so many on, scikit-learn has each thread find all the neighbours of rows of its own
BLOCK = 500  # rows whose distances from all are in memory at once


class Cloud(NamedTuple):
    """Rows on a grid (stages/common/exact.py), and what t-SNE needs to know of them."""

    rows: np.ndarray  # float64, (n, d)
    neighbours: np.ndarray  # int64, (n, k): the nearest rows, itself left out, nearest first
    distances: np.ndarray  # float64, (n, k): of these
    start: np.ndarray  # float32, (n, 2): the principal components, small


def examine(X: np.ndarray, neighbours: int, seed: int = 0) -> Cloud:
    """Find nearest neighbours and principal components of rows, (n, d), d of 2 or more.

    t-SNE makes another picture of the last bit of a distance or of the start. The distances have no other last bits
    elsewhere, as the rows are on a grid; the start is rounded, to far below what t-SNE looks at.
    """
    rows = on_grid(X, step_of(X))
    # With more threads their number would decide which of the rows equally near, as pixels may be, come first.
    with threadpool_limits(max(1, min(os.cpu_count() or 1, len(rows) // ROWS_A_THREAD))):
        distances, found = NearestNeighbors(n_neighbors=neighbours).fit(rows).kneighbors()
    solver = "arpack" if rows.shape[1] > 2 else "full"  # of thousands of components, it computes but two
    start = PCA(2, svd_solver=solver, random_state=seed).fit_transform(rows)
    return Cloud(rows, found, distances, (start / start[:, 0].std() * 1e-4).round(9).astype(np.float32))


def project(cloud: Cloud, params: Tsne) -> np.ndarray:
    """Project by t-SNE (van der Maaten and Hinton, 2008), started from the principal components; float32, (n, 2)."""
    count = len(cloud.rows)
    found = np.hstack([np.arange(count)[:, None], cloud.neighbours])  # scikit-learn wants each row itself first
    distances = np.hstack([np.zeros((count, 1)), cloud.distances / cloud.distances.max()])
    graph = csr_array((distances.ravel(), found.ravel(), np.arange(count + 1) * found.shape[1]))
    tsne = TSNE(perplexity=params.perplexity, random_state=params.seed, init=cloud.start, metric="precomputed")
    return tsne.fit_transform(graph)


def neighbour_agreement(neighbours: np.ndarray, y: np.ndarray) -> float:
    """Share of each row's nearest neighbours, (n, k), that have its label."""
    return float((y[neighbours] == y[:, None]).mean())


def trustworthiness(rows: np.ndarray, points: np.ndarray, neighbours: int = NEIGHBOURS) -> float:
    """Say how far neighbours among the points are neighbours among the rows (Venna and Kaski, 2001), 0 to 1.

    scikit-learn's own function needs all distances in memory, and their order.

    Args:
        rows: float64, (n, d), on a grid.
        points: float, (n, 2).
    """
    count = len(rows)
    found = NearestNeighbors(n_neighbors=neighbours).fit(points).kneighbors(return_distance=False)
    beyond = 0
    for start in range(0, count, BLOCK):
        here = np.arange(start, min(start + BLOCK, count))
        distances = squared_distances(rows[here], rows)
        distances[here - start, here] = np.inf  # no row is its own neighbour
        for neighbour in found[here].T:
            nearer = distances < distances[here - start, neighbour][:, None]
            beyond += np.maximum(np.count_nonzero(nearer, axis=1) + 1 - neighbours, 0).sum()
    return float(1 - beyond * 2 / (count * neighbours * (2 * count - 3 * neighbours - 1)))


def draw(points: dict[str, np.ndarray], y: np.ndarray, classes: list[str], figures: dict[str, dict]) -> plt.Figure:
    """Draw the projections side by side, coloured by class, with a legend of class names."""
    figure, [axes] = plt.subplots(1, len(points), figsize=(6.5 * len(points), 5.6), layout="constrained", squeeze=False)
    colours = plt.get_cmap("tab10" if len(classes) <= 10 else "turbo", len(classes))
    for axis, (name, xy) in zip(axes, points.items(), strict=True):
        for label, class_name in enumerate(classes):
            axis.scatter(*xy[y == label].T, s=14, color=colours(label), label=class_name, linewidths=0)
        axis.set_title(
            f"{name}: {figures[name]['neighbour_agreement']:.0%} of the {NEIGHBOURS} nearest are of one class"
        )
        axis.set_xticks([])
        axis.set_yticks([])
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right center", markerscale=2, frameon=False)
    return figure


def main() -> None:
    params = load_params().tsne
    sources = {"features": load_features(), "pixels": load_features("data/pixels.npz")}
    if sources["pixels"].X["test"].shape[1] == 0:  # extract.features came without images
        del sources["pixels"]
    everything, classes = sources["features"].y["test"], sources["features"].classes
    count = len(everything) if params.images == "all" else min(params.images, len(everything))
    rows = np.linspace(0, len(everything) - 1, count).astype(int)
    y = everything[rows]
    if params.perplexity >= len(y) or len(y) <= 2 * NEIGHBOURS:
        raise UserError(
            f"tsne.perplexity: {params.perplexity:g} for {len(y)} test images; "
            f"it must be below their number, and they more than {2 * NEIGHBOURS}"
        )
    wanted = min(len(y) - 1, int(3 * params.perplexity) + 1)  # as many as scikit-learn's TSNE asks for by itself
    clouds = {}
    for name in tuple(sources):
        X = sources.pop(name).X["test"][rows]  # the memory of the others is needed
        if X.shape[1] < 2 or (X[0] == X).all():
            raise UserError(f"t-SNE needs {name} of two columns or more that are not all alike")
        clouds[name] = examine(X, wanted, params.seed)
    print("t-SNE of", *(f"{len(y)} x {cloud.rows.shape[1]} {name}" for name, cloud in clouds.items()), flush=True)
    # Sums in another order are other bits: one thread a picture, whatever the machine has. BLAS has one limit for all,
    # OpenMP one for each thread that asks.
    with threadpool_limits(1), ThreadPoolExecutor(len(clouds), "", threadpool_limits, (1,)) as pool:
        drawn = pool.map(lambda cloud: project(cloud, params), clouds.values())
        points = dict(zip(clouds, drawn, strict=True))
    figures = {
        name: {
            "neighbour_agreement": neighbour_agreement(cloud.neighbours[:, :NEIGHBOURS], y),
            "trustworthiness": trustworthiness(cloud.rows, points[name]),
        }
        for name, cloud in clouds.items()
    }
    write_json("metrics/tsne.json", figures)
    columns = np.hstack(list(points.values())).tolist()
    header = ("row", "class", "feature_x", "feature_y", "pixel_x", "pixel_y")[: 2 + len(columns[0])]
    write_csv(
        "plots/tsne.csv", header, ([row, classes[label], *xy] for row, label, xy in zip(rows, y, columns, strict=True))
    )
    with whole("plots/tsne.png") as part:
        draw(points, y, classes, figures).savefig(part, dpi=110, format="png")
    print(*(f"{name}: {values}" for name, values in figures.items()), sep="\n")


if __name__ == "__main__":
    run_stage(main, __doc__)
