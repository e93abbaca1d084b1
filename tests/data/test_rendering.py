"""Rasters become 8-bit RGB images as EuroSAT's own did."""

import numpy as np
import pytest
import rasterio
from geotiffs import ramp, raster_file
from rasterio.io import MemoryFile

from eurosat_transfer.data.rendering import Rendering, RenderingError

EUROSAT = Rendering((1, 1, 1), (0, 2750))


def rendered(values, rendering=EUROSAT, **options):
    """Render one row of values of one band. Return its red channel as a list."""
    return rendering.apply(np.atleast_2d(values)[None], **options)[0, :, 0].tolist()


def test_the_ends_of_the_scale_become_1_and_255_and_other_values_are_clipped():
    values = np.array([-30000, -1, 0, 1375, 2750, 2751, 30000], np.int16)
    assert rendered(values) == [1, 1, 1, 128, 255, 255, 255]


def test_values_are_rounded_to_the_nearest_grey_level():
    values = np.array([0.4, 0.5, 0.6, 1.5, 2.5], np.float32)
    assert rendered(values, Rendering((1, 1, 1), (0, 254))) == [1, 2, 2, 3, 4]


def test_a_scale_need_not_begin_at_0():
    values = np.array([1000, 1000 + 254, 1000 + 2 * 254], np.uint16)
    assert rendered(values, Rendering((1, 1, 1), (1000, 1508))) == [1, 128, 255]


# What gdal_translate -scale 0 2750 1 255 does
SCALED_BY_GDAL = """<VRTDataset rasterXSize="3001" rasterYSize="1"><VRTRasterBand dataType="Byte" band="1">
<ComplexSource><SourceFilename>{path}</SourceFilename><SourceBand>1</SourceBand><ScaleOffset>1</ScaleOffset>
<ScaleRatio>{ratio!r}</ScaleRatio></ComplexSource></VRTRasterBand></VRTDataset>"""


def test_the_scale_is_that_of_gdal():
    values = np.arange(3001, dtype=np.uint16)
    with MemoryFile(raster_file(values[None, None])) as memory:
        description = SCALED_BY_GDAL.format(path=memory.name, ratio=254 / 2750)
        with rasterio.open(description) as dataset:
            expected = dataset.read(1)[0]
    inside = values <= 2750  # GDAL clips to 255 as well, but by another option
    assert np.array_equal(np.array(rendered(values))[inside], expected[inside])


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"])
def test_every_type_of_numbers_is_scaled(dtype):
    values = np.array([0, 25, 50, 100], dtype)
    assert rendered(values, Rendering((1, 1, 1), (0, 100))) == [1, 65, 128, 255]


def test_8_bit_values_stay_without_a_scale():
    raster = np.arange(3 * 256, dtype=np.int64).reshape(3, 16, 16).astype(np.uint8)
    image = Rendering().apply(raster)
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, np.moveaxis(raster, 0, -1))


@pytest.mark.parametrize(
    ("bands", "count", "alpha", "expected"),
    [
        (None, 1, False, (1, 1, 1)),
        (None, 2, True, (1, 1, 1)),
        (None, 3, False, (1, 2, 3)),
        (None, 4, True, (1, 2, 3)),
        ((4, 3, 2), 13, False, (4, 3, 2)),
        ((13, 1, 1), 13, False, (13, 1, 1)),
        ((4, 4, 4), 4, True, (4, 4, 4)),
    ],
)
def test_bands_are_chosen_by_their_numbers_from_1(bands, count, alpha, expected):
    rendering = Rendering(bands, (0, 10_000))
    assert rendering.choose_bands(count, alpha=alpha) == expected
    raster = ramp(count)
    image = rendering.apply(raster, alpha=alpha)
    np.testing.assert_array_equal(image, rendering.scale_values(raster[[number - 1 for number in expected]]))


@pytest.mark.parametrize(("count", "alpha"), [(2, False), (3, True), (4, False), (5, True), (13, False)])
def test_several_bands_without_numbers_are_refused(count, alpha):
    with pytest.raises(RenderingError, match=f"has {count} bands; allowed without .*: 1 or 3") as refusal:
        Rendering().choose_bands(count, alpha=alpha)
    assert (refusal.value.option, refusal.value.example) == ("bands", (4, 3, 2))


@pytest.mark.parametrize(("count", "example"), [(1, (1, 1, 1)), (3, (1, 2, 3))])
def test_a_band_that_does_not_exist_is_refused_with_bands_that_do(count, example):
    with pytest.raises(RenderingError, match=rf"has {count} bands, and not all of \[4, 3, 2\]") as refusal:
        Rendering((4, 3, 2)).choose_bands(count)
    assert (refusal.value.option, refusal.value.example) == ("bands", example)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
def test_pixels_without_data_become_0(dtype):
    nodata = np.array([[True, False, False, True]])
    rendering = Rendering(None, None if dtype == "uint8" else (0, 254))
    image = rendering.apply(np.full((3, 1, 4), 99, dtype), nodata)
    known = 99 if dtype == "uint8" else 100
    assert image[0].tolist() == [[0] * 3, [known] * 3, [known] * 3, [0] * 3]
    assert nodata.tolist() == [[True, False, False, True]]


def test_a_pixel_with_a_nan_in_any_chosen_band_becomes_0():
    raster = np.full((4, 1, 3), 99, np.float32)
    raster[1, 0, 0] = raster[3, 0, 1] = np.nan
    assert Rendering((1, 2, 3), (0, 254)).apply(raster)[0].tolist() == [[0] * 3, [100] * 3, [100] * 3]


def test_infinite_and_very_large_values_are_clipped():
    values = np.array([-np.inf, -1e308, 1e308, np.inf])
    assert rendered(values) == [1, 1, 255, 255]


def test_more_than_8_bits_without_a_scale_are_refused_with_the_range_of_the_values():
    raster = np.array([[[-9999, 300, 799]]] * 3, np.int16)
    with pytest.raises(RenderingError, match=r"has int16 values \(from 300 to 799\); allowed .*: uint8") as refusal:
        Rendering().apply(raster, np.array([[True, False, False]]))
    assert (refusal.value.option, refusal.value.example) == ("scale", (0, 2750))
    with pytest.raises(RenderingError, match=r"all missing"):
        Rendering().apply(raster, np.ones((1, 3), bool))


def test_a_scale_for_larger_values_is_refused_for_8_bit_values():
    """They would become nearly black."""
    with pytest.raises(RenderingError, match=r"uint8 values, which end at 255; the scale \[0, 2750\]") as refusal:
        rendered(np.array([1, 2], np.uint8))
    assert (refusal.value.option, refusal.value.example) == ("scale", (0, 255))
    assert rendered(np.array([0, 255], np.uint8), Rendering((1, 1, 1), (0, 255))) == [1, 255]


@pytest.mark.parametrize(
    ("rendering", "keeps"),
    [
        (Rendering(), True),
        (Rendering((1, 2, 3)), True),
        (Rendering((3, 2, 1)), False),
        (Rendering(None, (0, 255)), False),
    ],
)
def test_a_rendering_tells_whether_it_keeps_rgb_images(rendering, keeps):
    assert rendering.keeps_rgb is keeps
    image = ramp(3, "uint8", first=0)
    assert np.array_equal(rendering.apply(image), np.moveaxis(image, 0, -1)) is keeps
