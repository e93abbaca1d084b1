"""GeoTIFF files and PNG files of 16 bits are decoded. tests/hostile has files that are made to do harm."""

import io
import struct

import numpy as np
import pytest
import rasterio
from conftest import encoded
from geotiffs import ramp, raster_file
from PIL import Image
from rasterio.enums import ColorInterp
from rasterio.io import MemoryFile

from eurosat_transfer.data.decoding import ImageError
from eurosat_transfer.data.rasters import decode_raster, find_nodata, is_tiff
from eurosat_transfer.data.rendering import Rendering, RenderingError

SCALE = (0, 2750)


def with_pillow(image, **options):
    buffer = io.BytesIO()
    image.save(buffer, "TIFF", **options)
    return buffer.getvalue()


@pytest.mark.parametrize("dtype", ["uint16", "int16", "float32", "float64", "uint32", "int32"])
@pytest.mark.parametrize("interleave", ["pixel", "band"])
@pytest.mark.parametrize("bands", [3, 13, 40])
def test_the_chosen_bands_are_scaled(dtype, interleave, bands):
    raster = ramp(bands, dtype)
    rendering = Rendering((bands, 1, 2), SCALE)
    image = decode_raster(raster_file(raster, interleave=interleave), rendering)
    np.testing.assert_array_equal(image, rendering.apply(raster))


@pytest.mark.parametrize(
    "options",
    [
        {"compress": "deflate", "predictor": 2}, {"compress": "lzw"}, {"compress": "zstd"}, {"compress": "lerc"},
        {"tiled": True, "blockxsize": 16, "blockysize": 16}, {"BIGTIFF": "YES"}, {"ENDIANNESS": "BIG"},
        {"ENDIANNESS": "BIG", "BIGTIFF": "YES"}, {"NBITS": 12},
    ],
    ids=str,
)  # fmt: skip
def test_every_way_to_store_a_geotiff_gives_the_same_image(options):
    raster = ramp(3, size=(30, 40))
    content = raster_file(raster, **options)
    assert is_tiff(content)
    np.testing.assert_array_equal(decode_raster(content, Rendering(None, SCALE)), Rendering(None, SCALE).apply(raster))


def test_8_bit_rgb_stays_as_it_is():
    raster = ramp(3, "uint8", first=0)
    np.testing.assert_array_equal(decode_raster(raster_file(raster), Rendering()), np.moveaxis(raster, 0, -1))


def test_one_8_bit_band_becomes_grey():
    raster = ramp(1, "uint8", first=0)
    np.testing.assert_array_equal(decode_raster(raster_file(raster), Rendering()), np.stack([raster[0]] * 3, -1))


def test_cmyk_becomes_rgb_and_lab_is_refused():
    cyan = Image.new("CMYK", (20, 16), (255, 0, 0, 0))
    assert (decode_raster(with_pillow(cyan), Rendering()) == (0, 255, 255)).all()
    with pytest.raises(ImageError, match="its colours are CIELAB; save it as RGB or as separate bands"):
        decode_raster(with_pillow(Image.new("LAB", (20, 16), (128, 160, 120))), Rendering())


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_8_bit_images_become_what_png_files_of_their_pixels_become(mode):
    image = Image.open(io.BytesIO(encoded((9, 99, 199), "PNG", mode)))
    np.testing.assert_array_equal(decode_raster(with_pillow(image), Rendering()), np.asarray(image.convert("RGB")))


def test_a_palette_is_applied_and_its_nodata_number_becomes_black():
    numbers = np.array([[[0, 1, 2]]], np.uint8)
    colours = {0: (1, 2, 3, 255), 1: (40, 50, 60, 255), 2: (7, 8, 9, 255)}
    content = raster_file(numbers, finish=lambda dataset: dataset.write_colormap(1, colours), nodata=2)
    assert decode_raster(content, Rendering()).tolist() == [[[1, 2, 3], [40, 50, 60], [0, 0, 0]]]


@pytest.mark.parametrize("nodata", [0, 300, -9999, 65535])
def test_pixels_in_which_all_chosen_bands_are_nodata_become_black(nodata):
    raster = ramp(4, "int32", first=1000)
    raster[:, 0, 0] = nodata
    raster[1:, 0, 1] = nodata  # band 1 is not chosen
    raster[3, 0, 2] = nodata  # bands 2 and 3 have data
    image = decode_raster(raster_file(raster, nodata=nodata), Rendering((4, 3, 2), SCALE))
    black = (image == 0).all(axis=-1)
    assert np.argwhere(black).tolist() == [[0, 0], [0, 1]]
    assert (image[~black] >= 1).all()


def test_nan_as_nodata_becomes_black():
    raster = ramp(3, "float32")
    raster[0, 2, 3] = np.nan
    image = decode_raster(raster_file(raster, nodata=np.nan), Rendering(None, SCALE))
    assert np.argwhere((image == 0).all(axis=-1)).tolist() == [[2, 3]]


def test_nothing_is_nodata_if_no_value_is_declared():
    raster = np.zeros((3, 2, 2), np.uint16)
    assert find_nodata(raster, None) is None
    assert (decode_raster(raster_file(raster), Rendering(None, SCALE)) == 1).all()


def test_gdal_tags_for_a_scale_are_ignored():
    def finish(dataset):
        dataset.scales, dataset.offsets = (0.1,) * 3, (5,) * 3

    rendering = Rendering(None, SCALE)
    image = decode_raster(raster_file(ramp(3), finish=finish), rendering)
    np.testing.assert_array_equal(image, rendering.apply(ramp(3)))


def test_bands_and_scale_are_asked_for_where_they_are_needed():
    with pytest.raises(RenderingError, match=r"has 13 bands"):
        decode_raster(raster_file(ramp(13)), Rendering(None, SCALE))
    with pytest.raises(RenderingError, match=r"has uint16 values \(from 335 to 439\)"):
        decode_raster(raster_file(ramp(13)), Rendering((4, 3, 2)))


def test_several_pages_are_refused():
    image = Image.new("L", (5, 4))
    content = with_pillow(image, save_all=True, append_images=[Image.new("L", (9, 4))])
    with pytest.raises(ImageError, match="it has 2 pages; allowed: 1"):
        decode_raster(content, Rendering())


def test_overviews_and_masks_inside_the_file_are_no_pages():
    def finish(dataset):
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
            dataset.write_mask(np.ones((64, 64), bool))
        dataset.build_overviews([2, 4])

    raster, rendering = ramp(3, size=(64, 64)), Rendering(None, SCALE)
    content = raster_file(raster, finish=finish, tiled=True, blockxsize=16, blockysize=16)
    assert len(content) > len(raster_file(raster, tiled=True, blockxsize=16, blockysize=16)) + 64 * 64
    np.testing.assert_array_equal(decode_raster(content, rendering), rendering.apply(raster))


def test_complex_numbers_are_refused():
    with pytest.raises(ImageError, match="its values are complex64; allowed: integers and"):
        decode_raster(raster_file(ramp(3, "complex64")), Rendering(None, SCALE))


@pytest.mark.parametrize(("bands", "colours"), [(1, 1), (2, 1), (3, 3), (4, 3)])
def test_png_files_of_16_bits_are_read_without_loss(bands, colours):
    raster = ramp(bands)
    rendering = Rendering(None, (300, 800))
    image = decode_raster(raster_file(raster, "PNG"), rendering)
    np.testing.assert_array_equal(image, rendering.apply(raster[:colours]))


def test_an_alpha_band_that_is_chosen_is_read():
    content = raster_file(ramp(4, "uint8", first=0), photometric="RGB", ALPHA="YES")
    with MemoryFile(content) as memory, memory.open() as dataset:
        assert dataset.colorinterp[3] == ColorInterp.alpha
    image = decode_raster(content, Rendering((4, 1, 1)))
    np.testing.assert_array_equal(image[..., 0], ramp(4, "uint8", first=0)[3])


@pytest.mark.parametrize("code", [50002, 34712, 34661, 65000])  # JPEG XL, JPEG 2000, JBIG, and one that nobody uses
def test_a_compression_without_a_decoder_is_named(code):
    content = bytearray(with_pillow(Image.new("RGB", (16, 16)), compression="tiff_deflate"))
    (directory,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, directory)
    entries = range(directory + 2, directory + 2 + 12 * count, 12)
    compression = next(entry for entry in entries if struct.unpack_from("<H", content, entry)[0] == 259)
    struct.pack_into("<H", content, compression + 8, code)
    with pytest.raises(ImageError, match=r"^its compression has no decoder here \(.*\); save it with `gdal_translate"):
        decode_raster(bytes(content), Rendering())
