"""Images from outside are checked and converted to 8-bit RGB. tests/hostile has files that are made to do harm."""

import io

import numpy as np
import pytest
from conftest import encoded
from PIL import Image

from eurosat_transfer.data.image_files import MODES, to_rgb
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
    message = r"x\.png is an image of mode I;16; allowed: 8 bits per channel \(L, LA, P, RGB, RGBA, 1, CMYK\)"
    with pytest.raises(UserError, match=message):
        to_rgb(encoded((1, 2, 3), "PNG", "I;16"), "x.png")


def test_the_format_is_read_from_the_content_and_not_from_the_file_name():
    assert decode(to_rgb(encoded((1, 2, 3), "PNG"), "x.jpg")).format == "PNG"


def test_a_jpeg_that_pillow_reads_and_tensorflow_refuses_is_refused():
    content = encoded((9, 99, 199))[:-1] + b"\xe2"  # another marker in place of the end of the image
    decode(content).load()
    with pytest.raises(UserError, match=r"x\.jpg is not a readable image: the JPEG data is damaged"):
        to_rgb(content, "x.jpg")
