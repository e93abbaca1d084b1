"""Encoded images become tensors of one size, inside TensorFlow functions too."""

import numpy as np
import pytest
from conftest import encoded

from eurosat_transfer.data.decoding import decode_image
from eurosat_transfer.data.image_tensors import decode_tensor, raw_pixels, resize_image
from eurosat_transfer.tensorflow_setup import tf

NOISE = np.random.default_rng(0).integers(0, 256, (40, 30, 3), np.uint8)


def test_a_tensor_is_decoded_like_any_other_image():
    images = [encoded((200, 90, 20), "PNG", size=(7, 5)), encoded((20, 90, 200), "JPEG", "L", size=(3, 4))]
    data = tf.data.Dataset.from_tensor_slices(images).map(decode_tensor)
    assert data.element_spec.shape.as_list() == [None, None, 3]
    for image, content in zip(data.as_numpy_iterator(), images, strict=True):
        assert image.dtype == np.uint8
        np.testing.assert_array_equal(image, decode_image(content))
        np.testing.assert_array_equal(decode_tensor(tf.constant(content)), image)


def test_something_else_than_an_image_is_an_error():
    with pytest.raises(tf.errors.InvalidArgumentError, match="neither JPEG nor PNG"):
        list(tf.data.Dataset.from_tensors(b"no image").map(decode_tensor))


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
    (pixels,) = raw_pixels(tf.constant(NOISE[None, :30]), 30).numpy()
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels, NOISE[:30].ravel())


def test_raw_pixels_are_rounded():
    image = np.zeros((2, 2, 3), np.uint8)
    image[1] = 3  # stretched to four rows: 0, 0.75, 2.25 and 3
    rows = raw_pixels(tf.constant(image[None]), 4).numpy().reshape(4, 12)
    assert rows.tolist() == [[0] * 12, [1] * 12, [2] * 12, [3] * 12]
