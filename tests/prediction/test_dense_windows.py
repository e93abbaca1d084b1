"""Windows that are classified from one feature map of the scene, compared with windows that are classified singly."""

import shutil
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from prediction.small_network import SIZE, TILE, land, write_network_model
from prediction.small_scene import contents, map_small, read, write_scene

from eurosat_transfer.data.rendering import Rendering
from eurosat_transfer.models.onnx_export import resize_by_matrices
from eurosat_transfer.prediction import dense_windows, feature_map
from eurosat_transfer.prediction.dense_windows import DenseWindows, choose_dense, overlaps
from eurosat_transfer.prediction.feature_correction import fit_correction
from eurosat_transfer.prediction.feature_map import FeatureMap
from eurosat_transfer.prediction.inference import Classifier
from eurosat_transfer.prediction.network_parts import divide_network
from eurosat_transfer.prediction.part_inference import PartInference
from eurosat_transfer.prediction.resizing import resizing_matrix
from eurosat_transfer.prediction.saved_model import ONNX_FILE
from eurosat_transfer.prediction.scene_reader import open_scene
from eurosat_transfer.prediction.scene_windows import classify_rows
from eurosat_transfer.prediction.window_grid import make_grid
from eurosat_transfer.prediction.window_store import WindowStore

pytestmark = pytest.mark.slow

USED, SINGLY = "one feature map of the scene is used", "every window is classified by itself"
STRIDE = TILE // 4


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for name in ("strided", "squeezed", "tilenet"):
        write_network_model(folder / name, name)
    return folder


@pytest.fixture
def here(tmp_path, models) -> Path:
    """Make a folder with the small model, and a scene that is large enough for the dense way."""
    shutil.copytree(models / "strided", tmp_path / "model")
    write_scene(tmp_path / "scene.tif", land(400, 480, side=100), nodata=0)
    return tmp_path


def test_image_is_resized_as_in_the_saved_classifier():
    image = land(30, 50)
    planes = np.moveaxis(image, -1, 0).astype(np.float32)
    for size in (24, 96):
        rows, columns = (resizing_matrix(length, size / length, 0, size).toarray() for length in (30, 50))
        np.testing.assert_allclose(
            np.moveaxis(rows @ planes @ columns.T, 0, -1), resize_by_matrices(image[None], size)[0], atol=1e-3
        )
    part = resizing_matrix(50, 3.5, -4, 190).toarray()
    np.testing.assert_array_equal(part[4:-15], resizing_matrix(50, 3.5, 0, 175).toarray())
    np.testing.assert_array_equal(part[:5], np.eye(50)[[0] * 5])


def test_intervals_weigh_places_by_their_overlap():
    weights = overlaps(np.array([0, 1.75, 3]), 2.0, 5).toarray()
    np.testing.assert_allclose(weights, [[0.5, 0.5, 0, 0, 0], [0, 0.125, 0.5, 0.375, 0], [0, 0, 0, 0.5, 0.5]])


def test_map_of_tiles_is_the_map_of_the_whole_scene(here, monkeypatch):
    monkeypatch.setattr(feature_map, "LARGEST", 12)
    parts = divide_network(here / "model" / ONNX_FILE)
    assert (parts.size, parts.step, parts.channels) == (SIZE, 8, 24)
    with open_scene(here / "scene.tif", Rendering(None, None)) as scene:
        found = FeatureMap(scene, parts, TILE, "float32")
        rows = np.concatenate([found.read(row, row + 5) for row in range(0, 75, 5)])
    planes = np.moveaxis(land(400, 480, side=100), -1, 0).astype(np.float32)
    matrices = (resizing_matrix(length, 1.5, 0, int(length * 1.5)).toarray() for length in (400, 480))
    enlarged = next(matrices) @ planes @ next(matrices).T
    network = PartInference(parts.feature_map, {"images": (1, *enlarged.shape)}, "float32")
    expected = parts.places_first(next(network.infer([{"images": enlarged[None]}]))["map"])[0]
    inside = slice(2, -2)  # outside, there are zeros or pixels of the edge
    np.testing.assert_allclose(rows[inside, 2:88], expected[inside, inside], atol=1e-3)


@pytest.mark.parametrize(("name", "least"), [("strided", 0.95), ("tilenet", 0.95)])
def test_classes_are_equal_at_a_quarter_of_the_tile(tmp_path, models, monkeypatch, name, least):
    monkeypatch.setattr(dense_windows, "MOST_WORK", 1)
    path = models / name / ONNX_FILE
    with open_scene(write_scene(tmp_path / "scene.tif", land(300, 400)), Rendering(None, None)) as scene:
        grid = make_grid(300, 400, TILE, STRIDE)
        classifier = Classifier(path, tile_size=(TILE, TILE))
        dense = choose_dense(path, scene, grid, 0.1, "float32")
        ours = [row for _, row in dense.classify_rows(range(grid.shape[0]), classifier, 0.1)]
        singly = [row for _, row in classify_rows(scene, grid, range(grid.shape[0]), classifier, 0.1)]
    found, expected = (np.concatenate([row.probabilities for row in rows]) for rows in (ours, singly))
    assert (found.argmax(axis=1) == expected.argmax(axis=1)).mean() >= least
    assert (found != expected).any(axis=1).mean() > 0.5, "most windows are classified from the map"
    found, expected = (np.concatenate([row.distances for row in rows]) for rows in (ours, singly))
    assert np.median(found / expected) == pytest.approx(1, abs=0.02)


def test_small_strides_take_the_dense_way_and_others_do_not(here, capsys):
    map_small(here, here / "scene.tif", stride=STRIDE)
    assert USED in capsys.readouterr().out
    map_small(here, here / "scene.tif", "singly", stride=STRIDE, dense="never")
    map_small(here, here / "scene.tif", "default")
    map_small(here, here / "scene.tif", "never", dense="never")
    assert not capsys.readouterr().out
    assert contents(here / "default") == contents(here / "never")
    ours, singly = (read(here / name / "classes.tif") for name in ("out", "singly"))
    assert (ours == singly).mean() >= 0.95
    assert not np.array_equal(read(here / "out/probability.tif"), read(here / "singly/probability.tif"))


def test_dense_way_is_not_taken_where_it_does_not_pay(here, capsys):
    scene = write_scene(here / "small.tif", land(80, 80))
    map_small(here, scene, stride=STRIDE)
    map_small(here, scene, "never", stride=STRIDE, dense="never")
    assert USED not in capsys.readouterr().out
    assert contents(here / "out") == contents(here / "never")


def test_other_networks_are_applied_to_each_window(tmp_path, models, capsys):
    shutil.copytree(models / "squeezed", tmp_path / "model")
    scene = write_scene(tmp_path / "scene.tif", land(80, 96))
    map_small(tmp_path, scene, stride=STRIDE)
    (line,) = capsys.readouterr().out.splitlines()
    assert SINGLY in line
    assert "the network is not fully convolutional" in line
    map_small(tmp_path, scene, "never", stride=STRIDE, dense="never")
    assert contents(tmp_path / "out") == contents(tmp_path / "never")


def test_windows_are_classified_singly_if_too_many_are_doubtful(here, monkeypatch, capsys):
    scene = write_scene(here / "mixed.tif", land(400, 480, side=12))  # windows of several classes
    grid, parts = make_grid(400, 480, TILE, STRIDE), divide_network(here / "model" / ONNX_FILE)
    monkeypatch.setattr(dense_windows, "MOST_WORK", DenseWindows.least_work(grid, parts) + 0.01)
    map_small(here, scene, stride=STRIDE)
    assert f"{SINGLY}, because" in capsys.readouterr().out
    map_small(here, scene, "never", stride=STRIDE, dense="never")
    assert contents(here / "out") == contents(here / "never")


def test_an_interrupted_dense_map_resumes_and_gives_the_same_bytes(here, monkeypatch, capsys):
    save = WindowStore.save

    def interrupt(store, row, content):
        save(store, row, content)
        if row == 20:
            raise KeyboardInterrupt

    map_small(here, here / "scene.tif", "whole", stride=STRIDE)
    monkeypatch.setattr(WindowStore, "save", interrupt)
    with pytest.raises(KeyboardInterrupt):
        map_small(here, here / "scene.tif", stride=STRIDE)
    monkeypatch.undo()
    map_small(here, here / "scene.tif", stride=STRIDE)
    printed = capsys.readouterr().out
    assert "resuming: 21 of 47 rows" in printed
    assert printed.count(USED) == 3
    assert contents(here / "out") == contents(here / "whole")


def test_rows_of_the_other_way_are_not_used(here, capsys):
    def fail(*_):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        map_small(here, here / "scene.tif", stride=STRIDE, add_files=fail)
    assert USED in capsys.readouterr().out
    map_small(here, here / "scene.tif", stride=STRIDE, dense="never")
    map_small(here, here / "scene.tif", "never", stride=STRIDE, dense="never")
    assert "resuming" not in capsys.readouterr().out
    assert contents(here / "out") == contents(here / "never")


def test_pixels_without_data_have_no_class_in_the_dense_way(here, capsys):
    image = land(400, 480, side=100)
    image[133], image[:, 450:] = 0, 0
    map_small(here, write_scene(here / "gaps.tif", image, nodata=0), stride=STRIDE)
    assert USED in capsys.readouterr().out
    map_small(here, here / "gaps.tif", "never", stride=STRIDE, dense="never")
    ours, singly = (read(here / name / "classes.tif") for name in ("out", "never"))
    np.testing.assert_array_equal(ours == 255, singly == 255)
    assert (ours == singly).mean() >= 0.95


def test_memory_does_not_grow_with_the_height_of_the_scene(here):
    parts = divide_network(here / "model" / ONNX_FILE)
    classifier = Classifier(here / "model" / ONNX_FILE, tile_size=(TILE, TILE))
    peaks = []
    for height in (400, 1600):
        path = write_scene(here / "tall.tif", land(height, 320))
        with open_scene(path, Rendering(None, None)) as scene:
            grid = make_grid(height, 320, TILE, STRIDE)
            dense = DenseWindows(scene, grid, parts, "float32")
            dense.learn(0.1)
            tracemalloc.start()
            for _ in dense.classify_rows(range(grid.shape[0]), classifier, 0.1):
                pass
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0]


def test_correction_learns_what_both_ways_have_in_common():
    rng = np.random.default_rng(0)
    features = rng.normal(0, 1, (256, 4)).astype(np.float32)
    inputs = np.concatenate([features / 2 + 3, rng.normal(0, 0.1, (256, 4))], axis=1).astype(np.float32)

    def head(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        powers = np.exp(3 * rows)
        return powers / powers.sum(axis=1, keepdims=True), np.linalg.norm(rows, axis=1)

    correction = fit_correction(inputs, features, head)
    assert correction.doubtful < 0.05
    assert np.abs(correction.apply(inputs) - features).mean() < 0.2
    useless = fit_correction(rng.normal(0, 1, inputs.shape).astype(np.float32), features, head)
    assert useless.doubtful > 0.5
    assert useless.distance_factor > correction.distance_factor > 1
