import tracemalloc

import numpy as np
import pytest
from PIL import Image
from sklearn import manifold
from threadpoolctl import threadpool_limits

from stages import tsne
from stages.common.files import read_csv, read_json
from stages.common.params import load_params
from stages.common.stage import UserError


@pytest.mark.usefixtures("features")
def test_classes_that_are_apart_stay_apart():
    tsne.main()
    figures = read_json("metrics/tsne.json")["features"]
    assert figures["neighbour_agreement"] == 1.0
    assert 0.8 < figures["trustworthiness"] <= 1.0
    rows = read_csv("plots/tsne.csv")
    points = np.array([[float(row["feature_x"]), float(row["feature_y"])] for row in rows])
    labels = np.array(["abc".index(row["class"]) for row in rows])
    assert tsne.neighbour_agreement(tsne.examine(points, 5).neighbours, labels) == 1.0
    assert Image.open("plots/tsne.png").size[0] > 1000


@pytest.mark.usefixtures("features")
def test_it_reproduces_to_the_byte(world):
    pictures = []
    for _ in range(2):
        tsne.main()
        pictures.append((world() / "plots/tsne.png").read_bytes())
    assert pictures[0] == pictures[1]


def test_neighbours_equally_near_are_the_same_on_any_number_of_threads():
    rng = np.random.default_rng(0)
    rows = rng.integers(60, 120, (640, 1)) + rng.integers(0, 12, (640, 192))  # many of one distance, as of pixels
    found = []
    for threads in (1, 4):
        with threadpool_limits(threads):
            found.append(tsne.examine(rows, 91).neighbours)
    assert (found[0] == found[1]).all()


def test_neighbour_agreement_by_hand():
    neighbours = tsne.examine(np.array([[0.0, 0], [1, 0], [10, 0], [11, 0.5]]), 1).neighbours
    assert neighbours.tolist() == [[1], [0], [3], [2]]
    assert tsne.neighbour_agreement(neighbours, np.array([0, 0, 1, 0])) == 0.5


def test_trustworthiness_is_scikit_learns():
    """In more than one block of rows."""
    rng = np.random.default_rng(0)
    rows = tsne.examine(rng.normal(size=(tsne.BLOCK + 200, 9)), 5).rows
    for points in (rows[:, :2], rng.normal(size=(len(rows), 2))):
        assert tsne.trustworthiness(rows, points) == pytest.approx(
            manifold.trustworthiness(rows, points, n_neighbors=5)
        )


@pytest.mark.usefixtures("world")
def test_the_picture_is_scikit_learns():
    """From the same start, TSNE that finds the neighbours by itself ends with neighbours as near."""
    params = load_params().tsne
    rng = np.random.default_rng(0)
    cloud = tsne.examine(rng.normal(size=(200, 9)), neighbours=int(3 * params.perplexity) + 1)
    with threadpool_limits(1):
        theirs = manifold.TSNE(perplexity=params.perplexity, init="pca", random_state=0).fit_transform(cloud.rows)
        ours = tsne.project(cloud, params)
    assert tsne.trustworthiness(cloud.rows, ours) == pytest.approx(tsne.trustworthiness(cloud.rows, theirs), abs=0.03)


def test_features_of_two_columns_are_drawn(features):
    two = {name: array[:, :2] if name[0] == "X" else array for name, array in features.items()}
    np.savez("data/features.npz", **two, classes=np.array(["a", "b", "c"]))
    tsne.main()
    assert read_json("metrics/tsne.json")["features"]["trustworthiness"] > 0.8


@pytest.mark.usefixtures("features")
def test_a_perplexity_that_is_too_large_is_refused(world):
    world(**{"tsne.perplexity": 60, "split.test": 640})
    with pytest.raises(UserError, match="tsne.perplexity: 60 for 30 test images"):
        tsne.main()


@pytest.mark.usefixtures("features")
def test_it_takes_as_many_images_as_it_is_told(world):
    world(**{"tsne.images": 15})
    tsne.main()
    rows = [int(row["row"]) for row in read_csv("plots/tsne.csv")]
    assert len(set(rows)) == 15
    assert (rows[0], rows[-1]) == (0, 29)


def test_features_of_one_column_are_refused(features):
    one = {name: array[:, :1] if name[0] == "X" else array for name, array in features.items()}
    np.savez("data/features.npz", **one, classes=np.array(["a", "b", "c"]))
    with pytest.raises(UserError, match="t-SNE needs features of two columns or more"):
        tsne.main()


def test_trustworthiness_never_has_all_distances_in_memory():
    rows = tsne.examine(np.random.default_rng(0).normal(size=(4000, 3)), 1).rows
    tracemalloc.start()
    tsne.trustworthiness(rows, rows[:, :2])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < len(rows) ** 2 * rows.itemsize / 2
