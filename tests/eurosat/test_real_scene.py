"""A real scene against EuroSAT's tiles.

EUROSAT_SCENE names a GeoTIFF of Sentinel-2 with blue, green, red and near infrared as the bands 1, 2, 3 and 7, in
surface reflectance times 1,000.
"""

import os

import pytest
import rasterio
from prediction.rendered_scenes import check, eurosat_histograms

from eurosat_transfer.errors import UserError

pytestmark = [
    pytest.mark.eurosat,
    pytest.mark.skipif(not os.environ.get("EUROSAT_SCENE"), reason="EUROSAT_SCENE does not name the real scene"),
]

HAZE = (30, 45, 75)  # what surface reflectance times 1,000 lacks in red, green and blue


@pytest.fixture(scope="module")
def real_scene():
    with rasterio.open(os.environ["EUROSAT_SCENE"]) as file:
        return file.read()


@pytest.fixture(scope="module")
def real_tiles():
    return eurosat_histograms()


@pytest.mark.parametrize("add", [(0, 0, 0), HAZE])
def test_scene_is_accepted(real_scene, real_tiles, add):
    check(real_scene, real_tiles, (3, 2, 1), (0, 275), add=add)


@pytest.mark.parametrize("add", [(0, 0, 0), HAZE])
def test_parts_of_the_scene_are_accepted(real_scene, real_tiles, add):
    for top in range(0, 800, 100):
        for left in range(0, 800, 100):
            part = real_scene[:, top : top + 128, left : left + 128]
            check(part, real_tiles, (3, 2, 1), (0, 275), add=add)


@pytest.mark.parametrize("sampled", [True, False])
@pytest.mark.parametrize("scale", [(0, 10_000), (0, 2750), (0, 1000), (0, 100)])
def test_wrong_scale_is_refused(real_scene, real_tiles, scale, sampled):
    with pytest.raises(UserError, match="a wrong scale: try --scale 0,275, or"):
        check(real_scene, real_tiles, (3, 2, 1), scale, sampled)


def test_scale_that_makes_everything_white_is_refused(real_scene, real_tiles):
    with pytest.raises(UserError, match="brighter .* a wrong scale: try --scale 0,275, or"):
        check(real_scene, real_tiles, (3, 2, 1), (0, 2.75))


@pytest.mark.parametrize("add", [(0, 0, 0), HAZE[::-1]])
def test_swapped_bands_are_refused(real_scene, real_tiles, add):
    with pytest.raises(UserError, match=r"bands in the wrong order: try --bands 3,2,1 \(now 1,2,3\)"):
        check(real_scene, real_tiles, (1, 2, 3), (0, 275), add=add)


def test_near_infrared_is_refused(real_scene, real_tiles):
    with pytest.raises(UserError, match=r"values of red of the scene are far .* near infrared"):
        check(real_scene, real_tiles, (7, 2, 1), (0, 275))


def test_offset_is_refused(real_scene, real_tiles):
    with pytest.raises(UserError, match="an offset of 100 .ESA adds 1000 since 2022.: try --scale 100,375, or"):
        check(real_scene, real_tiles, (3, 2, 1), (0, 275), add=(100, 100, 100))
    with pytest.raises(UserError, match="an offset of 1000 .ESA adds 1000 since 2022.: try --scale 1000,3750, or"):
        check(real_scene.astype(int) * 10, real_tiles, (3, 2, 1), (0, 2750), add=(1000, 1000, 1000))
    with pytest.raises(UserError, match="an offset of 1000 .ESA adds 1000 since 2022.: try --scale 1000,1275, or"):
        check(real_scene, real_tiles, (3, 2, 1), (0, 275), add=(1000, 1000, 1000))
