"""Encoded images become tensors of one size."""

import numpy as np
import pytest
from conftest import encoded
from PIL import Image

from eurosat_transfer.data.decoding import decode_image, raw_pixels, resize_image
from eurosat_transfer.tensorflow_setup import tf

NOISE = np.random.default_rng(0).integers(0, 256, (40, 30, 3), np.uint8)


@pytest.mark.parametrize(("form", "mode"), [("PNG", "RGB"), ("PNG", "L"), ("JPEG", "RGB"), ("JPEG", "L")])
def test_images_become_rgb(form, mode):
    image = decode_image(encoded((200, 90, 20), form, mode, size=(7, 5))).numpy()
    assert (image.shape, image.dtype) == ((5, 7, 3), np.uint8)
    expected = (200, 90, 20) if mode == "RGB" else Image.new("RGB", (1, 1), (200, 90, 20)).convert("L").getpixel((0, 0))
    assert np.abs(image.astype(int) - expected).max() <= 3


def test_something_else_than_an_image_is_an_error():
    with pytest.raises(tf.errors.InvalidArgumentError):
        decode_image(b"no image")


@pytest.mark.parametrize("size", [8, 40, 64])
def test_images_become_squares_of_float32(size):
    resized = resize_image(tf.constant(NOISE), size)
    assert (resized.shape, resized.dtype) == ((size, size, 3), tf.float32)
    assert 0 <= resized.numpy().min() <= resized.numpy().max() <= 255


# Plain interpolation from 4 pixels to 1 takes the two pixels in the middle, which are black. Antialiasing takes all.
STRIPES = np.tile(np.array([255, 0, 0, 255], np.uint8), 8)


@pytest.mark.parametrize("height", [32, 4])
def test_an_image_that_shrinks_is_antialiased(height):
    image = np.broadcast_to(STRIPES[None, :, None], (height, 32, 3))
    assert np.abs(resize_image(tf.constant(image), 8).numpy()[:, 1:-1] - 127.5).max() < 12
    turned = image.transpose(1, 0, 2)
    assert np.abs(resize_image(tf.constant(turned), 8).numpy()[1:-1] - 127.5).max() < 12


@pytest.mark.parametrize("shape", [(8, 8), (8, 5), (4, 8)])
def test_antialiasing_makes_no_difference_to_an_image_that_does_not_shrink(shape):
    image = tf.constant(NOISE[: shape[0], : shape[1]])
    expected = tf.image.resize(image, (8, 8), antialias=True)
    np.testing.assert_allclose(resize_image(image, 8), expected, atol=1e-3)


def test_an_image_of_the_right_size_keeps_its_values():
    np.testing.assert_array_equal(resize_image(tf.constant(NOISE[:30]), 30), NOISE[:30])


def test_raw_pixels_are_laid_out_by_row_column_and_channel():
    pixels = raw_pixels(tf.constant(NOISE[:30]), 30).numpy()
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels, NOISE[:30].ravel())


def test_raw_pixels_are_rounded():
    image = np.zeros((2, 2, 3), np.uint8)
    image[1] = 3  # stretched to four rows: 0, 0.75, 2.25 and 3
    rows = raw_pixels(tf.constant(image), 4).numpy().reshape(4, 12)
    assert rows.tolist() == [[0] * 12, [1] * 12, [2] * 12, [3] * 12]
