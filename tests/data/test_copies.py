"""Copies: images with the same pixels are found, and contradictions among them are named."""

import io

import numpy as np
import pytest
from conftest import encoded
from PIL import Image

from eurosat_transfer.data.copies import find_contradictions, group_copies
from eurosat_transfer.data.decoding import decode_image
from eurosat_transfer.data.pixel_digest import pixel_digest

NOISE = np.random.default_rng(0).integers(0, 256, (6, 9, 3), np.uint8)


def save(pixels: np.ndarray, form: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, form, **options)
    return buffer.getvalue()


def test_the_digest_depends_on_the_pixels_and_not_on_the_file():
    fast, small = save(NOISE, compress_level=1), save(NOISE, optimize=True)
    assert fast != small
    assert pixel_digest(fast) == pixel_digest(small)
    changed = NOISE.copy()
    changed[5, 8, 2] ^= 1
    assert pixel_digest(save(changed)) != pixel_digest(fast)


def test_a_jpeg_file_and_a_png_file_of_what_it_shows_are_copies():
    jpeg = save(NOISE, "JPEG")
    assert pixel_digest(jpeg) == pixel_digest(save(decode_image(jpeg)))


def test_a_grey_image_is_a_copy_of_the_same_image_in_rgb():
    grey = NOISE[..., 0]
    assert pixel_digest(save(grey)) == pixel_digest(save(np.repeat(grey[..., None], 3, axis=2)))


def test_an_image_that_is_stored_turned_is_a_copy_of_the_image_that_it_shows():
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    turned = save(NOISE, exif=exif.tobytes())
    assert pixel_digest(turned) == pixel_digest(save(np.rot90(NOISE, -1)))
    assert pixel_digest(turned) != pixel_digest(save(NOISE))


def test_images_of_one_colour_and_another_shape_are_no_copies():
    assert pixel_digest(encoded((1, 2, 3), "PNG", size=(4, 6))) != pixel_digest(encoded((1, 2, 3), "PNG", size=(6, 4)))


def test_images_with_more_than_8_bits_are_compared_by_their_bytes():
    """Pillow clips all these values to 255."""
    bright, brighter = (save(np.full((4, 4), value, np.uint16)) for value in (1000, 60000))
    assert pixel_digest(bright) != pixel_digest(brighter)
    assert pixel_digest(bright) == pixel_digest(bytes(bright))


@pytest.mark.parametrize("damaged", [b"", b"no image", save(NOISE)[:60]])
def test_files_that_are_no_images_are_compared_by_their_bytes(damaged):
    assert pixel_digest(damaged) == pixel_digest(bytes(damaged))
    assert pixel_digest(damaged) != pixel_digest(damaged + b"x")


def test_the_group_of_an_image_is_the_place_of_its_first_copy():
    assert group_copies([b"a", b"b", b"a", b"c", b"b", b"a"]).tolist() == [0, 1, 0, 3, 1, 0]


def test_all_images_of_a_group_with_two_labels_contradict_each_other():
    groups = np.array([0, 1, 0, 3, 1, 0])
    labels = np.array([2, 2, 2, 1, 2, 0])
    assert find_contradictions(groups, labels).tolist() == [True, False, True, False, False, True]
    assert not find_contradictions(groups, labels[groups]).any()
