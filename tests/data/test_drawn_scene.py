"""The drawn scene: its picture, its truth and its file."""

import numpy as np
import pytest
import rasterio
from scipy.ndimage import label

from eurosat_transfer.data.drawings.landcover import CLASSES
from eurosat_transfer.data.drawings.scene import NODATA, draw_scene, write_scene


@pytest.fixture(scope="module")
def scene():
    return draw_scene(0)


def test_scene_shows_every_class(scene):
    image, truth = scene
    assert (image.shape, image.dtype) == ((512, 640, 3), np.uint8)
    assert (truth.shape, truth.dtype) == ((512, 640), np.uint8)
    labels, pixels = np.unique(truth, return_counts=True)
    assert labels.tolist() == [*range(len(CLASSES)), NODATA]
    assert pixels.min() > 4 * 64 * 64


def test_regions_are_larger_than_tiles(scene):
    _, truth = scene
    for place in range(len(CLASSES)):
        regions, _ = label(truth == place)
        assert np.bincount(regions.ravel())[1:].max() > 64 * 64


def test_only_nodata_is_black(scene):
    image, truth = scene
    assert (image[truth == NODATA] == 0).all()
    assert (image[truth != NODATA] > 0).all()
    assert 0.03 < (truth == NODATA).mean() < 0.15


def test_classes_look_like_themselves(scene):
    image, truth = scene
    colour = {name: image[truth == place].mean(axis=0) for place, name in enumerate(CLASSES)}
    assert colour["SeaLake"][2] > colour["SeaLake"][0]  # blue before red
    assert colour["Forest"][1] == max(colour["Forest"])
    assert colour["AnnualCrop"][0] > colour["Forest"][0]


def test_same_seed_draws_the_same_scene(scene):
    for again, first in zip(draw_scene(0), scene, strict=True):
        assert (again == first).all()
    assert (draw_scene(1)[1] != scene[1]).mean() > 0.3


def test_file_has_place_size_and_nodata(tmp_path, scene):
    image, truth = scene
    write_scene(tmp_path / "scene.tif", image)
    with rasterio.open(tmp_path / "scene.tif") as file:
        assert (np.moveaxis(file.read(), 0, -1) == image).all()
        assert (file.crs.to_epsg(), file.res, file.nodata) == (32632, (10, 10), 0)
        assert (file.dataset_mask() == np.where(truth == NODATA, 0, 255)).all()
        assert [colour.name for colour in file.colorinterp] == ["red", "green", "blue"]


def test_file_has_the_same_bytes_every_time(tmp_path, scene):
    for name in ("first.tif", "second.tif"):
        write_scene(tmp_path / name, scene[0])
    assert (tmp_path / "first.tif").read_bytes() == (tmp_path / "second.tif").read_bytes()
