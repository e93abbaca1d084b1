"""Images from outside are checked and converted to 8-bit RGB. tests/hostile has files that are made to do harm."""

import io

import numpy as np
import pytest
from conftest import encoded, turned
from PIL import Image

from eurosat_transfer.data.decoding import MODES, decode_image
from eurosat_transfer.data.image_files import to_rgb
from eurosat_transfer.errors import UserError


def decode(content):
    return Image.open(io.BytesIO(content))


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


def test_more_than_8_bits_per_channel_are_refused():
    message = r"x\.png is not a readable image: its mode is I;16; allowed: 8 bits per channel \(L, LA, P, RGB"
    with pytest.raises(UserError, match=message):
        to_rgb(encoded((1, 2, 3), "PNG", "I;16"), "x.png")


def test_the_format_is_read_from_the_content_and_not_from_the_file_name():
    assert decode(to_rgb(encoded((1, 2, 3), "PNG"), "x.jpg")).format == "PNG"


def test_a_turned_image_that_is_not_an_rgb_jpeg_becomes_upright():
    pixels = np.arange(30, dtype=np.uint8).reshape(5, 6)
    content = turned(pixels, 6, "JPEG")
    converted = to_rgb(content, "x.jpg")
    assert decode(converted).size == (5, 6)
    assert not decode(converted).getexif()
    np.testing.assert_array_equal(decode_image(converted), decode_image(content))
