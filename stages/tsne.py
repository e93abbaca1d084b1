"""Two-dimensional pictures of the deep features and, where there are images, of the raw pixels, side by side.

Reads   data/features.npz  data/pixels.npz
Writes  metrics/tsne.json   features and pixels: neighbour_agreement, trustworthiness
        plots/tsne.png, plots/tsne.csv (row: the image's place in test, class, feature_x, feature_y, pixel_x, pixel_y)

The test images, as of these every classifier has said something: the report shows it point by point.

neighbour_agreement: the share of an image's 5 nearest neighbours that have its class, before the projection.
trustworthiness: how far neighbours in the picture are neighbours in truth (Venna and Kaski, 2001), 0 to 1.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE, trustworthiness
from sklearn.neighbors import KNeighborsTransformer, NearestNeighbors
from threadpoolctl import threadpool_limits

from stages.common.features import load_features
from stages.common.files import whole, write_csv, write_json
from stages.common.params import Tsne, load_params
from stages.common.stage import UserError, run_stage

NEIGHBOURS = 5


def project(X: np.ndarray, params: Tsne) -> np.ndarray:
    """Project rows by t-SNE (van der Maaten and Hinton, 2008), started from their principal components.

    t-SNE makes another picture of the last bit of a distance, and that bit is the linear algebra library's: it differs
    from processor to processor. So distances and start are rounded, to far below what t-SNE looks at.

    Args:
        X: float, (n, d).

    Returns:
        float32, (n, 2).
    """
    count = min(len(X) - 1, int(3 * params.perplexity) + 1)  # as many as scikit-learn's own TSNE asks for
    graph = KNeighborsTransformer(mode="distance", n_neighbors=count).fit_transform(X)
    graph.data = (graph.data / graph.data.max()).round(9)
    start = PCA(2, svd_solver="covariance_eigh").fit_transform(X)
    start = (start / start[:, 0].std() * 1e-4).round(12).astype(np.float32)
    return TSNE(perplexity=params.perplexity, random_state=params.seed, init=start, metric="precomputed").fit_transform(
        graph
    )


def neighbour_agreement(X: np.ndarray, y: np.ndarray, neighbours: int = NEIGHBOURS) -> float:
    """Share of each row's nearest neighbours, itself left out, that have its label."""
    found = NearestNeighbors(n_neighbors=neighbours).fit(X).kneighbors(return_distance=False)
    return float((y[found] == y[:, None]).mean())


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
    points, figures = {}, {}
    with threadpool_limits(1):  # sums in another order are other bits: one thread, whatever the machine has
        for name, source in sources.items():
            X = source.X["test"][rows].astype(np.float64)
            if X.shape[1] < 2 or not X.std(axis=0).any():
                raise UserError(f"t-SNE needs {name} of two columns or more that are not all alike")
            print(f"t-SNE of {len(X)} x {X.shape[1]} {name}", flush=True)
            points[name] = project(X, params)
            figures[name] = {
                "neighbour_agreement": neighbour_agreement(X, y),
                "trustworthiness": float(trustworthiness(X, points[name], n_neighbors=NEIGHBOURS)),
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
