"""The sample of a scene that is compared with the training tiles."""

import numpy as np
import pytest
from prediction.small_scene import noise, write_scene

from eurosat_transfer.data.rendering import Rendering
from eurosat_transfer.prediction import scene_sample
from eurosat_transfer.prediction.scene_reader import open_scene
from eurosat_transfer.prediction.scene_sample import SceneSample, describe_zeros, sample_scene


def sample(path, scale=None, **options) -> SceneSample:
    with open_scene(path, Rendering(scale=scale), **options) as scene:
        return sample_scene(scene)


@pytest.fixture
def large(monkeypatch):
    """Let a scene of 100 x 100 pixels be so large that only a part of it is read."""
    monkeypatch.setattr(scene_sample, "SIDE", 10)
    monkeypatch.setattr(scene_sample, "LINES", 2)


def test_pixels_without_data_are_left_out(tmp_path):
    image = noise(90, 80)
    image[:, 50:] = 0
    found = sample(write_scene(tmp_path / "scene.tif", image, nodata=0))
    expected = [np.bincount(image[:, :50, channel].ravel(), minlength=256) for channel in range(3)]
    np.testing.assert_array_equal(found.histograms, expected)
    assert found.values.min() > 0
    assert (found.pixels, found.zeros) == (90 * 80, 0)


def test_values_are_those_before_scaling_from_all_over_the_scene(tmp_path):
    ramp = np.arange(600 * 700, dtype=np.float32).reshape(600, 700, 1).repeat(3, axis=2)
    found = sample(write_scene(tmp_path / "scene.tif", ramp), (0, 2))
    assert scene_sample.VALUES / 2 < found.values.shape[1] < scene_sample.VALUES * 2
    assert found.values.max() > 415_000
    np.testing.assert_allclose(np.median(found.values, axis=1), 210_000, rtol=0.05)
    assert found.histograms[:, 255].min() > 400_000


def test_values_have_the_offset_as_the_rendered_ones_have_it(tmp_path):
    scene = write_scene(tmp_path / "scene.tif", np.full((40, 40, 3), 100, np.uint16))
    found = sample(scene, (0, 508), offset=(0, 50, 100))
    assert np.unique(found.values, axis=1).tolist() == [[100], [150], [200]]
    assert [int(counts.nonzero()[0][0]) for counts in found.histograms] == [51, 76, 101]


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("line", [3, 40, 77, 99])
@pytest.mark.parametrize("axis", [0, 1])
def test_a_part_of_a_large_scene_crosses_every_missing_line(tmp_path, line, axis):
    image = noise(100, 100)
    np.moveaxis(image, axis, 0)[line] = 0
    found = sample(write_scene(tmp_path / "scene.tif", image))
    assert found.pixels == 36 * 100  # of 10 x 10 squares, two rows and two columns
    assert 20 <= found.zeros <= 100


def test_a_scene_without_zeros_needs_no_line(tmp_path):
    assert describe_zeros(sample(write_scene(tmp_path / "scene.tif", noise(40, 40)))) is None


@pytest.mark.usefixtures("large")
def test_the_same_scene_gives_the_same_sample(tmp_path):
    scene = write_scene(tmp_path / "scene.tif", noise(100, 100))
    first, second = sample(scene), sample(scene)
    np.testing.assert_array_equal(first.values, second.values)
    np.testing.assert_array_equal(first.histograms, second.histograms)


def test_a_scene_of_nothing_but_gaps_gives_an_empty_sample(tmp_path):
    found = sample(write_scene(tmp_path / "scene.tif", np.zeros((40, 40, 3), np.uint8), nodata=0))
    assert found.values.shape == (3, 0)
    assert not found.histograms.any()
