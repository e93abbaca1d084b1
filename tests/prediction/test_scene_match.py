"""Scenes with and without mistakes in scale, offset and order of bands."""

import re

import numpy as np
import pytest
import rasterio
from prediction.rendered_scenes import Rendering, check, count_values, eurosat_histograms

from eurosat_transfer.data.drawings.landcover import CLASSES, draw_tile
from eurosat_transfer.data.drawings.scene import draw_scene, write_scene
from eurosat_transfer.errors import UserError
from eurosat_transfer.prediction.scene_match import check_scene


@pytest.fixture(scope="module")
def drawn_tiles():
    return sum(count_values(draw_tile(label, number)) for label in CLASSES for number in range(1, 11))


@pytest.fixture(scope="module")
def drawn_scene():
    """A scene of 16 bits with the bands blue, green, red and near infrared: reflectance times 10,000."""
    image, _ = draw_scene(0)
    visible = np.moveaxis(image, -1, 0)[::-1]
    infrared = np.where(visible[1:2] > 0, 4000, 0)
    return np.concatenate([np.where(visible > 0, 1 + visible * 2750.0 / 255, 0), infrared]).round().astype(np.uint16)


def test_scene_like_the_tiles_is_accepted(drawn_scene, drawn_tiles):
    check(drawn_scene, drawn_tiles, (3, 2, 1), (0, 2750))
    check(drawn_scene, drawn_tiles, (3, 2, 1), (0, 2750), sampled=False)


def test_8_bit_scene_is_accepted_without_bands_and_scale(tmp_path, drawn_tiles):
    write_scene(tmp_path / "scene.tif", draw_scene(1)[0])
    with rasterio.open(tmp_path / "scene.tif") as file:
        image = np.moveaxis(file.read(), 0, -1)
    check_scene(count_values(image), drawn_tiles, Rendering(None, None))
    with pytest.raises(UserError, match=r"darker.*It looks like a wrong scale: try --scale 0,\d+"):
        check_scene(count_values(image // 10), drawn_tiles, Rendering(None, None))


@pytest.mark.parametrize(
    ("scale", "finding", "sampled"),
    [
        ((0, 27_500), "darker", True),
        ((0, 27_500), "darker", False),
        ((0, 10_000), "darker", True),
        ((0, 10_000), "darker", False),
        ((0, 275), "brighter", True),
    ],
)
def test_wrong_scale_is_refused_with_the_right_one(drawn_scene, drawn_tiles, scale, finding, sampled):
    with pytest.raises(UserError) as caught:
        check(drawn_scene, drawn_tiles, (3, 2, 1), scale, sampled)
    assert re.fullmatch(
        rf"the scene is far {finding} than the training tiles: medians of red, green and blue are \d+, \d+, \d+ of 255 "
        rf"\(training tiles: \d+, \d+, \d+\). It looks like a wrong scale: try --scale 0,2750, or go on with --force",
        str(caught.value),
    )


def test_scale_that_hides_all_values_is_refused_even_without_a_sample(drawn_scene, drawn_tiles):
    with pytest.raises(UserError, match="give the values that become black and white with --scale LOW,HIGH"):
        check(drawn_scene, drawn_tiles, (3, 2, 1), (5000, 7750), sampled=False)
    with pytest.raises(UserError, match="try --scale 0,2750"):
        check(drawn_scene, drawn_tiles, (3, 2, 1), (5000, 7750))


def test_offset_is_refused_with_the_scale_that_removes_it(drawn_scene, drawn_tiles):
    shifted = np.where(drawn_scene > 0, drawn_scene + 1000, 0)
    with pytest.raises(UserError, match="an offset of 1000 .ESA adds 1000 since 2022.: try --scale 1000,3750, or"):
        check(shifted, drawn_tiles, (3, 2, 1), (0, 2750))
    check(shifted, drawn_tiles, (3, 2, 1), (1000, 3750))


def test_swapped_bands_are_refused_with_the_right_order(drawn_scene, drawn_tiles):
    with pytest.raises(UserError, match=r"red varies 0\.\d times as much as blue .* try --bands 3,2,1 \(now 1,2,3\)"):
        check(drawn_scene, drawn_tiles, (1, 2, 3), (0, 2750))


def test_swapped_bands_of_different_brightness_are_told_by_it():
    values = np.arange(256)
    training = np.stack([np.exp(-(((values - middle) / 15) ** 2)) * 1000 for middle in (60, 120, 200)])
    check_scene(training, training, Rendering((3, 2, 1), (0, 2750)))
    with pytest.raises(UserError, match=r"red and blue of the scene are unlike.*try --bands 3,2,1 \(now 1,2,3\)"):
        check_scene(training[::-1], training, Rendering((1, 2, 3), (0, 2750)))


def test_near_infrared_in_place_of_red_is_refused(drawn_scene, drawn_tiles):
    with pytest.raises(
        UserError, match=r"^the values of red of the scene are far .* near infrared: .*--bands \(now 4,2,1\)"
    ):
        check(drawn_scene, drawn_tiles, (4, 2, 1), (0, 2750))


def test_parts_of_a_scene_are_accepted(drawn_scene, drawn_tiles):
    for top in range(0, 512, 128):
        for left in range(0, 512, 128):
            check(drawn_scene[:, top : top + 128, left : left + 128], drawn_tiles, (3, 2, 1), (0, 2750))


def test_surface_reflectance_may_be_darker_than_the_tiles_but_has_no_offset():
    training = eurosat_histograms()
    # As dark as a real scene of surface reflectance, and with less contrast than all of EuroSAT.
    values = 0.4 * np.arange(256) + np.array([[10], [36], [3]])

    def count(offset):
        places = np.round(values + offset).astype(int)
        return np.stack([np.bincount(*channel, minlength=256) for channel in zip(places, training, strict=True)])

    check_scene(count(0), training, Rendering((4, 3, 2), (0, 2750)))
    with pytest.raises(UserError, match="try --scale 1000,3750, or"):
        check_scene(count(254 * 1000 / 2750), training, Rendering((4, 3, 2), (0, 2750)))


def test_nodata_is_not_compared(drawn_scene, drawn_tiles):
    mostly_empty = drawn_scene.copy()
    mostly_empty[:, :, 100:] = 0
    check(mostly_empty, drawn_tiles, (3, 2, 1), (0, 2750))
    check_scene(np.eye(1, 256, dtype=int).repeat(3, axis=0), drawn_tiles, Rendering(None, None))
