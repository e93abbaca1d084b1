"""Draw two-dimensional pictures of the features and, where there are images, of the raw pixels, side by side.

Reads   data/features.npz  data/pixels.npz
Writes  metrics/tsne.json   features and pixels: neighbour_agreement, trustworthiness
        plots/tsne.png, plots/tsne.csv (row: the image's place in test, class, feature_x, feature_y, pixel_x, pixel_y)

It shows test images, for which every classifier has a prediction: the report shows them point by point.

neighbour_agreement: the share of an image's 5 nearest neighbours that have its class, before the projection.
trustworthiness: to what extent neighbours in the picture are neighbours in the data (Venna and Kaski, 2001), 0 to 1.
"""

import numpy as np

from eurosat_transfer.evaluation.embedding import NEIGHBOURS, neighbour_agreement, trustworthiness
from eurosat_transfer.features.feature_set import PIXELS_FILE, load_features
from eurosat_transfer.features.tsne import find_neighbours, project_all, select_rows
from eurosat_transfer.io.csv_files import write_csv
from eurosat_transfer.io.json_files import write_json
from eurosat_transfer.parameters.loading import load_section
from eurosat_transfer.parameters.tsne import Tsne
from eurosat_transfer.pipeline.stage import run_stage
from eurosat_transfer.reporting.tsne_picture import draw_projections

HEADER = ("row", "class", "feature_x", "feature_y", "pixel_x", "pixel_y")


def main() -> None:
    """Run the stage."""
    params, features, pixels = load_section(Tsne), load_features(), load_features(PIXELS_FILE)
    rows = select_rows(len(features.y["test"]), params)
    y, classes = features.y["test"][rows], features.classes
    shown = {"features": features.X["test"][rows], "pixels": pixels.X["test"][rows]}
    del features, pixels  # frees their memory
    # Features that were computed elsewhere come without images.
    graphs = {name: find_neighbours(name, X, params) for name, X in shown.items() if name == "features" or X.size}
    sizes = ", ".join(f"{len(y)} x {graph.rows.shape[1]} {name}" for name, graph in graphs.items())
    print("t-SNE of", sizes, flush=True)
    points = project_all(graphs, params)
    figures = {
        name: {
            "neighbour_agreement": neighbour_agreement(graph.neighbours[:, :NEIGHBOURS], y),
            "trustworthiness": trustworthiness(graph.rows, points[name]),
        }
        for name, graph in graphs.items()
    }
    write_json("metrics/tsne.json", figures)
    coordinates = np.hstack(list(points.values())).tolist()
    table = ([row, classes[label], *xy] for row, label, xy in zip(rows, y, coordinates, strict=True))
    write_csv("plots/tsne.csv", HEADER[: 2 + 2 * len(points)], table)
    agreement = {name: values["neighbour_agreement"] for name, values in figures.items()}
    draw_projections("plots/tsne.png", points, y, classes, agreement)
    print(*(f"{name}: {values}" for name, values in figures.items()), sep="\n")


if __name__ == "__main__":
    run_stage(main, __doc__)
