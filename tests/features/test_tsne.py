"""t-SNE projects features and pixels to two dimensions."""

import numpy as np
import pytest
from PIL import Image
from sklearn import manifold
from threadpoolctl import threadpool_info, threadpool_limits

from eurosat_transfer.errors import UserError
from eurosat_transfer.evaluation.embedding import NEIGHBOURS
from eurosat_transfer.features.tsne import MIN_IMAGES, find_neighbours, project, project_all, select_rows
from eurosat_transfer.io.csv_files import read_csv
from eurosat_transfer.io.json_files import read_json
from eurosat_transfer.parameters.tsne import Tsne
from stages import tsne


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def parameters(perplexity: float = 5, images: int | str = "all", seed: int = 0) -> Tsne:
    return Tsne(images=images, perplexity=perplexity, seed=seed)


def points_of(name: str) -> np.ndarray:
    """Read the picture of the features or the pixels from the stage's table."""
    return np.array([[float(row[f"{name}_{axis}"]) for axis in "xy"] for row in read_csv("plots/tsne.csv")])


def agreement(X: np.ndarray, y: np.ndarray, neighbours: int = 5) -> float:
    distances = np.linalg.norm(X[:, None].astype(float) - X, axis=2) + np.diag([np.inf] * len(X))
    return np.mean(y[distances.argsort(axis=1, kind="stable")[:, :neighbours]] == y[:, None])


@pytest.fixture
def noisy_pixels(features, rng):
    """Replace the pixels by noise of more columns, so that they differ from the features."""
    pixels = {f"X_{subset}": rng.normal(size=(len(features[f"y_{subset}"]), 12)) for subset in ("train", "val", "test")}
    np.savez("data/pixels.npz", **features | pixels, classes=np.array(["a", "b", "c"]))
    return pixels["X_test"]


def test_each_projection_is_measured_on_its_own_data(features, noisy_pixels):
    tsne.main()
    figures, y = read_json("metrics/tsne.json"), features["y_test"]
    data = {"features": features["X_test"], "pixels": noisy_pixels}
    points = {"features": points_of("feature"), "pixels": points_of("pixel")}
    own = {name: manifold.trustworthiness(X, points[name], n_neighbors=5) for name, X in data.items()}
    crossed = manifold.trustworthiness(noisy_pixels, points["features"], n_neighbors=5)
    assert abs(own["pixels"] - crossed) > 0.05
    for name, X in data.items():
        assert figures[name]["trustworthiness"] == pytest.approx(own[name], abs=1e-9)
        assert figures[name]["neighbour_agreement"] == pytest.approx(agreement(X, y))
    assert figures["features"]["neighbour_agreement"] == 1.0
    assert figures["pixels"]["neighbour_agreement"] < 0.6


@pytest.mark.usefixtures("features")
def test_the_table_lists_each_shown_image_with_its_class(features):
    tsne.main()
    rows = read_csv("plots/tsne.csv")
    assert [int(row["row"]) for row in rows] == list(range(30))
    assert [row["class"] for row in rows] == ["abc"[label] for label in features["y_test"]]
    assert agreement(points_of("feature"), features["y_test"]) > 0.9  # classes that are apart stay apart
    assert Image.open("plots/tsne.png").size[0] > 1000


@pytest.mark.usefixtures("features")
def test_the_stage_gives_the_same_bytes_again(world):
    outputs = ("metrics/tsne.json", "plots/tsne.csv", "plots/tsne.png")
    contents = []
    for _ in range(2):
        tsne.main()
        contents.append([(world() / name).read_bytes() for name in outputs])
    assert contents[0] == contents[1]


@pytest.mark.usefixtures("features")
def test_features_without_images_give_one_picture(features):
    empty = {
        f"X_{subset}": np.empty((len(features[f"y_{subset}"]), 0), np.uint8) for subset in ("train", "val", "test")
    }
    np.savez("data/pixels.npz", **features | empty, classes=np.array(["a", "b", "c"]))
    tsne.main()
    assert set(read_json("metrics/tsne.json")) == {"features"}
    assert list(read_csv("plots/tsne.csv")[0]) == ["row", "class", "feature_x", "feature_y"]


def test_as_many_images_are_shown_as_the_parameter_allows(world, features, noisy_pixels):
    world(**{"tsne.images": 15})
    tsne.main()
    rows = [int(row["row"]) for row in read_csv("plots/tsne.csv")]
    assert len(set(rows)) == 15
    assert (rows[0], rows[-1]) == (0, 29)
    assert [row["class"] for row in read_csv("plots/tsne.csv")] == ["abc"[label] for label in features["y_test"][rows]]
    figures = read_json("metrics/tsne.json")
    for name, X, points in (("features", features["X_test"], "feature"), ("pixels", noisy_pixels, "pixel")):
        expected = manifold.trustworthiness(X[rows], points_of(points), n_neighbors=5)
        assert figures[name]["trustworthiness"] == pytest.approx(expected, abs=1e-9)


def test_rows_are_selected_evenly():
    assert select_rows(2000, parameters(images="all")).tolist() == list(range(2000))
    assert select_rows(20, parameters(images=2000)).tolist() == list(range(20))
    rows = select_rows(1000, parameters(images=100))
    assert (rows[0], rows[-1], len(rows)) == (0, 999, 100)
    assert set(np.diff(rows)) == {10, 11}


@pytest.mark.parametrize(
    ("count", "params", "message"),
    [
        (30, parameters(60), "tsne.perplexity=60 is too large; allowed: below 30, the test images"),
        (30, parameters(30), "tsne.perplexity=30 is too large; allowed: below 30, the test images"),
        (500, parameters(25, images=20), "tsne.perplexity=25 is too large; allowed: below 20, the test images"),
        (10, parameters(2), "t-SNE shows 10 test images; allowed: 11 or more; see tsne.images, split.test"),
        (500, parameters(2, images=10), "t-SNE shows 10 test images; allowed: 11 or more; see tsne.images, split.test"),
    ],
)
def test_too_few_images_are_refused(count, params, message):
    with pytest.raises(UserError) as refused:
        select_rows(count, params)
    assert str(refused.value) == message


def test_the_smallest_number_of_images_works():
    assert len(select_rows(MIN_IMAGES, parameters(MIN_IMAGES - 0.5))) == MIN_IMAGES


def test_neighbours_are_the_nearest_other_rows():
    graph = find_neighbours("rows", np.array([[0.0, 0], [1, 0], [10, 0], [11, 0.5]]), parameters(0.1))
    assert graph.neighbours[:, 0].tolist() == [1, 0, 3, 2]
    assert graph.distances[:, 0].tolist() == [1.0, 1.0, 1.25**0.5, 1.25**0.5]


def test_the_perplexity_sets_the_number_of_neighbours(rng):
    X = rng.normal(size=(100, 9))
    assert find_neighbours("rows", X, parameters(5)).neighbours.shape == (100, 16)
    assert find_neighbours("rows", X, parameters(50)).neighbours.shape == (100, 99)


def test_a_small_perplexity_leaves_enough_neighbours_for_their_agreement(rng):
    graph = find_neighbours("rows", rng.normal(size=(100, 9)), parameters(1))
    assert graph.neighbours.shape == (100, NEIGHBOURS)


def test_agreement_is_of_five_neighbours_with_a_small_perplexity_too(world, features, noisy_pixels):
    world(**{"tsne.perplexity": 1})
    tsne.main()
    expected = agreement(noisy_pixels, features["y_test"], NEIGHBOURS)
    assert read_json("metrics/tsne.json")["pixels"]["neighbour_agreement"] == pytest.approx(expected)


def test_the_projection_starts_at_the_first_two_principal_components(rng):
    X = rng.normal(size=(200, 6)) * [1, 50, 1, 10, 1, 1]
    start = find_neighbours("rows", X, parameters()).start
    assert start.dtype == np.float32
    assert start[:, 0].std() == pytest.approx(1e-4, rel=1e-3)
    assert np.abs(start * 1e9 - (start * 1e9).round()).max() < 0.05  # rounded to nine decimals
    for component, column in enumerate((1, 3)):
        assert abs(np.corrcoef(start[:, component], X[:, column])[0, 1]) > 0.99


def test_equally_near_neighbours_are_the_same_on_any_number_of_threads(rng):
    rows = rng.integers(60, 120, (640, 1)) + rng.integers(0, 12, (640, 192))  # like pixels: many equal distances
    found = []
    for threads in (1, 4):
        with threadpool_limits(threads):
            found.append(find_neighbours("rows", rows, parameters(30)).neighbours)
    assert np.array_equal(found[0], found[1])


def test_columns_in_another_order_give_the_same_bits(rng):
    """Without the grid, equal distances would differ in their last bits, and so would the order of the neighbours."""
    X = rng.integers(0, 4, (60, 40)) * 0.1
    graphs = [find_neighbours("rows", X[:, columns], parameters()) for columns in (np.arange(40), rng.permutation(40))]
    pictures = [project_all({"rows": graph}, parameters())["rows"] for graph in graphs]
    for part in ("neighbours", "distances", "start"):
        assert np.array_equal(getattr(graphs[0], part), getattr(graphs[1], part))
    assert np.array_equal(pictures[0], pictures[1])


def test_the_picture_is_as_good_as_that_of_scikit_learn(rng):
    params = parameters(10)
    graph = find_neighbours("rows", rng.normal(size=(200, 9)), params)
    with threadpool_limits(1):
        theirs = manifold.TSNE(perplexity=10, init="pca", random_state=0).fit_transform(graph.rows)
        ours = project(graph, params)
    qualities = [manifold.trustworthiness(graph.rows, points, n_neighbors=5) for points in (ours, theirs)]
    assert qualities[0] == pytest.approx(qualities[1], abs=0.03)


def test_the_picture_depends_on_the_start(rng):
    graph = find_neighbours("rows", rng.normal(size=(60, 9)), parameters())
    turned = graph._replace(start=graph.start[:, ::-1].copy())
    pictures = [project_all({"rows": start}, parameters())["rows"] for start in (graph, turned)]
    assert not np.allclose(pictures[0], pictures[1])


def test_perplexities_give_different_pictures_of_the_same_neighbours(rng):
    graph = find_neighbours("rows", rng.normal(size=(60, 9)), parameters(20))
    pictures = [project_all({"rows": graph}, parameters(perplexity))["rows"] for perplexity in (5, 10, 20)]
    assert not np.allclose(pictures[0], pictures[1])
    assert not np.allclose(pictures[1], pictures[2])


def test_each_projection_uses_one_thread(monkeypatch, rng):
    def count_threads(*_) -> set[int]:
        return {library["num_threads"] for library in threadpool_info()}

    graphs = {name: find_neighbours(name, rng.normal(size=(20, 4)), parameters()) for name in "ab"}
    monkeypatch.setattr("eurosat_transfer.features.tsne.project", count_threads)
    with threadpool_limits(4):
        assert project_all(graphs, parameters()) == {"a": {1}, "b": {1}}


def test_projections_computed_together_equal_those_computed_alone(rng):
    graphs = {
        name: find_neighbours(name, rng.normal(size=(60, columns)), parameters())
        for name, columns in (("a", 9), ("b", 4))
    }
    together = project_all(graphs, parameters())
    assert list(together) == ["a", "b"]
    for name, graph in graphs.items():
        assert np.array_equal(together[name], project_all({name: graph}, parameters())[name])
    assert not np.allclose(together["a"], together["b"])


def test_features_of_two_columns_can_be_projected(features):
    two = {name: array[:, :2] if name[0] == "X" else array for name, array in features.items()}
    np.savez("data/features.npz", **two, classes=np.array(["a", "b", "c"]))
    tsne.main()
    assert read_json("metrics/tsne.json")["features"]["trustworthiness"] > 0.8


@pytest.mark.parametrize("X", [np.arange(12.0)[:, None], np.ones((12, 3))], ids=["one column", "equal rows"])
def test_rows_that_cannot_be_projected_are_refused(X):
    with pytest.raises(UserError, match="t-SNE cannot project the pixels; needed: two columns or more, and two differ"):
        find_neighbours("pixels", X, parameters())


def test_rows_that_differ_less_than_the_grid_are_equal():
    X = np.ones((40, 3))
    X[7] += 1e-12
    with pytest.raises(UserError, match=r"\(found 40 equal rows: all test images look alike\); look at plots"):
        find_neighbours("pixels", X, parameters())


def test_two_groups_of_equal_rows_can_be_projected():
    X = np.repeat([[0.0, 1, 2], [5, 1, 2]], 40, axis=0)
    points = project(find_neighbours("pixels", X, parameters()), parameters())
    assert points.shape == (80, 2)
    assert np.isfinite(points).all()
