"""One decoder for all that looks at an image: it gives upright RGB."""

import io
import os
import subprocess
import sys

import numpy as np
import pytest
from conftest import REPOSITORY, encoded, turned
from geotiffs import ramp, raster_file
from PIL import ExifTags, Image

from eurosat_transfer.data.decoding import MODES, ImageError, decode_image, read_orientation

UPRIGHT = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
STORED = {  # the pixels of a file with this EXIF orientation, as the specification describes them
    1: UPRIGHT,
    2: UPRIGHT[:, ::-1],
    3: UPRIGHT[::-1, ::-1],
    4: UPRIGHT[::-1],
    5: UPRIGHT.swapaxes(0, 1),
    6: UPRIGHT.swapaxes(0, 1)[::-1],
    7: UPRIGHT.swapaxes(0, 1)[::-1, ::-1],
    8: UPRIGHT.swapaxes(0, 1)[:, ::-1],
}


@pytest.mark.parametrize(
    ("form", "mode"), [("JPEG", "L"), ("JPEG", "RGB"), ("JPEG", "CMYK"), *(("PNG", m) for m in MODES if m != "CMYK")]
)
def test_images_become_the_rgb_of_pillow(form, mode):
    content = encoded((200, 90, 20), form, mode, size=(7, 5))
    image = decode_image(content)
    assert (image.shape, image.dtype) == ((5, 7, 3), np.uint8)
    np.testing.assert_array_equal(image, np.asarray(Image.open(io.BytesIO(content)).convert("RGB")))


@pytest.mark.parametrize("orientation", STORED)
def test_turned_images_become_upright(orientation):
    content = turned(np.ascontiguousarray(STORED[orientation]), orientation, "PNG")
    np.testing.assert_array_equal(decode_image(content), UPRIGHT)


def test_a_turned_jpeg_becomes_upright():
    """Right angles commute with JPEG's transform, but not its rounding."""
    noise = np.random.default_rng(0).integers(0, 256, (32, 48, 3), np.uint8)
    stored = turned(np.ascontiguousarray(noise.swapaxes(0, 1)[::-1]), 6)
    plain = np.asarray(Image.open(io.BytesIO(stored)).convert("RGB"))
    np.testing.assert_array_equal(decode_image(stored), plain[::-1].swapaxes(0, 1))


@pytest.mark.parametrize("orientation", [0, 9, 77])
def test_an_unknown_orientation_leaves_the_image_as_it_is(orientation):
    np.testing.assert_array_equal(decode_image(turned(UPRIGHT, orientation, "PNG")), UPRIGHT)


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow warns of damaged tags
def test_damaged_exif_data_leave_the_image_readable():
    content = turned(UPRIGHT, 6)
    start, length = content.index(b"Exif"), 32
    rng = np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(content)
        for place in rng.integers(start, start + length, 3):
            damaged[place] = rng.integers(256)
        assert decode_image(bytes(damaged)).size == UPRIGHT.size


def test_other_exif_tags_that_cannot_be_written_again_do_no_harm():
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 3
    exif[ExifTags.Base.XResolution] = 72.0
    content = exif.tobytes()
    buffer = io.BytesIO()
    Image.fromarray(UPRIGHT[::-1, ::-1].copy()).save(buffer, "PNG", exif=content.replace(b"\x01\x1a", b"\xff\xff"))
    np.testing.assert_array_equal(decode_image(buffer.getvalue()), UPRIGHT)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no image", "^neither JPEG nor PNG, or its header is damaged$"),
        *((raster_file(ramp(n), "PNG"), "it has 16 bits per channel; allowed: 8") for n in (2, 3, 4)),
        (b"", "^neither JPEG nor PNG, or its header is damaged$"),
        (encoded((1, 2, 3), "GIF"), "^neither JPEG nor PNG, or its header is damaged$"),
        (encoded((1, 2, 3))[:-40], "(?i)truncated"),
        (encoded((1, 2, 3), "PNG", "I;16"), "its mode is I;16; allowed: 8 bits per channel"),
    ],
)
def test_what_cannot_be_decoded_is_refused_with_a_reason(content, message):
    with pytest.raises(ImageError, match=message):
        decode_image(content)


def test_orientation_is_1_without_exif_data():
    assert read_orientation(Image.open(io.BytesIO(encoded((1, 2, 3))))) == 1


def test_decoding_needs_no_tensorflow():
    code = "import sys; import eurosat_transfer.data.image_files; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, env=os.environ, check=False).returncode == 0
