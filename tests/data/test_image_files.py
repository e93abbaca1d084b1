"""Images from outside are checked and converted to 8-bit RGB. tests/hostile has files that are made to do harm."""

import io

import numpy as np
import pytest
from conftest import encoded, turned
from geotiffs import ramp, raster_file
from PIL import Image

from eurosat_transfer.data.decoding import MODES, decode_image
from eurosat_transfer.data.image_files import read_rgb, to_rgb
from eurosat_transfer.data.rendering import Rendering
from eurosat_transfer.errors import UserError


def decode(content):
    return Image.open(io.BytesIO(content))


def with_format(pixels, form):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, form)
    return buffer.getvalue()


def test_an_rgb_jpeg_keeps_its_bytes():
    content = encoded((9, 99, 199))
    assert to_rgb(content, "x.jpg") == content


@pytest.mark.parametrize(
    ("form", "mode"), [("JPEG", "L"), ("JPEG", "CMYK"), *(("PNG", mode) for mode in MODES if mode != "CMYK")]
)
def test_other_modes_become_an_rgb_png_of_the_same_colours(form, mode):
    content = encoded((9, 99, 199), form, mode)
    converted = decode(to_rgb(content, "x"))
    assert (converted.format, converted.mode, converted.size) == ("PNG", "RGB", (20, 16))
    np.testing.assert_array_equal(np.asarray(converted), np.asarray(decode(content).convert("RGB")))


def test_an_alpha_channel_is_dropped():
    image = Image.new("RGBA", (4, 4), (9, 99, 199, 0))  # transparent
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    assert (np.asarray(decode(to_rgb(buffer.getvalue(), "x.png"))) == (9, 99, 199)).all()


@pytest.mark.parametrize("form", ["PNG", "GTiff"])
@pytest.mark.parametrize("bands", [1, 3])
def test_more_than_8_bits_per_channel_are_refused_without_a_scale(form, bands):
    """Pillow would keep the high bytes of three bands: 1, 2 or 3."""
    raster = np.linspace(300, 799, bands * 20).astype(np.uint16).reshape(bands, 4, 5)
    message = r"^x has uint16 values \(from 300 to 799\); .*; set data\.scale, for example data\.scale=\[0,2750\]$"
    with pytest.raises(UserError, match=message):
        to_rgb(raster_file(raster, form), "x")


@pytest.mark.parametrize("form", ["PNG", "GTiff"])
@pytest.mark.parametrize("bands", [1, 3])
def test_more_than_8_bits_per_channel_are_scaled(form, bands):
    raster, rendering = ramp(bands), Rendering(None, (300, 800))
    converted = decode(to_rgb(raster_file(raster, form), "x", rendering))
    assert (converted.format, converted.mode) == ("PNG", "RGB")
    np.testing.assert_array_equal(np.asarray(converted), rendering.apply(raster))
    assert len(np.unique(np.asarray(converted))) > 15  # and not the 2 high bytes


def test_the_bands_and_the_scale_apply_to_8_bit_images_of_every_format():
    pixels = np.asarray(decode(encoded((9, 99, 199))))
    rendering = Rendering((3, 2, 1), (0, 254))
    for content in (encoded((9, 99, 199)), with_format(pixels, "PNG"), raster_file(np.moveaxis(pixels, -1, 0))):
        converted = decode(to_rgb(content, "x", rendering))
        assert converted.format == "PNG"
        np.testing.assert_array_equal(np.asarray(converted), pixels[..., ::-1] + 1)


def test_an_rgb_jpeg_keeps_its_bytes_if_the_bands_are_those_that_it_has():
    content = encoded((9, 99, 199))
    assert to_rgb(content, "x.jpg", Rendering((1, 2, 3))) == content


def test_a_geotiff_of_8_bits_becomes_a_png_of_the_same_pixels():
    raster = ramp(3, "uint8", first=0)
    converted = decode(to_rgb(raster_file(raster), "x.tif"))
    assert (converted.format, converted.mode) == ("PNG", "RGB")
    np.testing.assert_array_equal(np.asarray(converted), np.moveaxis(raster, 0, -1))


def test_a_raster_of_many_bands_is_refused_in_a_line_with_an_example():
    message = r"^x\.tif has 13 bands; .*; set data\.bands, for example data\.bands=\[4,3,2\]$"
    with pytest.raises(UserError, match=message):
        to_rgb(raster_file(ramp(13)), "x.tif")


def test_a_turned_png_of_16_bits_becomes_upright():
    raster, rendering = ramp(3), Rendering(None, (300, 800))
    plain = raster_file(raster, "PNG")
    exif = turned(np.zeros((1, 1), np.uint8), 6, "PNG")
    start = exif.index(b"eXIf") - 4
    length = int.from_bytes(exif[start : start + 4], "big") + 12
    end_of_header = plain.index(b"IHDR") + 4 + 13 + 4
    content = plain[:end_of_header] + exif[start : start + length] + plain[end_of_header:]
    image = read_rgb(content, rendering)
    np.testing.assert_array_equal(image, np.rot90(rendering.apply(raster), -1))


def test_the_format_is_read_from_the_content_and_not_from_the_file_name():
    assert decode(to_rgb(encoded((1, 2, 3), "PNG"), "x.jpg")).format == "PNG"


def test_a_turned_image_that_is_not_an_rgb_jpeg_becomes_upright():
    pixels = np.arange(30, dtype=np.uint8).reshape(5, 6)
    content = turned(pixels, 6, "JPEG")
    converted = to_rgb(content, "x.jpg")
    assert decode(converted).size == (5, 6)
    assert not decode(converted).getexif()
    np.testing.assert_array_equal(decode_image(converted), decode_image(content))
