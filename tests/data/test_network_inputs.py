"""What a network sees of a tile, encoded."""

import io

import numpy as np
import pytest
from conftest import encoded

from eurosat_transfer.data.decoding import ImageError, decode_image
from eurosat_transfer.data.image_tensors import decode_tensor
from eurosat_transfer.data.network_inputs import decode_input, encode_bands
from eurosat_transfer.tensorflow_setup import tf


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=array.dtype.hasobject)
    return buffer.getvalue()


def test_all_bands_come_back_with_8_bits():
    raster = np.random.default_rng(0).integers(0, 4000, (5, 6, 13), np.uint16)
    expected = np.clip(np.floor(raster / 2750 * 254 + 1.5), 1, 255)
    image = decode_input(encode_bands(raster, (0, 2750)))
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, expected)
    assert not image.flags.writeable


def test_bands_of_8_bits_stay_as_they_are_also_zeros_at_the_end():
    raster = np.zeros((3, 4, 5), np.uint8)
    raster[0, 0, 0] = 9
    np.testing.assert_array_equal(decode_input(encode_bands(raster, None)), raster)
    data = tf.data.Dataset.from_tensor_slices([encode_bands(raster, None)]).map(lambda image: decode_tensor(image, 5))
    np.testing.assert_array_equal(next(data.as_numpy_iterator()), raster)
    np.testing.assert_array_equal(decode_tensor(tf.constant(encode_bands(raster, None)), 5), raster)


def test_an_image_is_decoded_as_everywhere():
    content = encoded((10, 200, 30))
    np.testing.assert_array_equal(decode_input(content), decode_image(content))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (npy(np.zeros((2, 2, 3), np.uint8))[:-4], "the bands are damaged"),
        (npy(np.zeros((2, 2, 3), np.uint8))[:30], "the bands are damaged"),
        (npy(np.array([{}], object)), "the bands are damaged"),
        (npy(np.zeros((2, 2), np.uint8)), r"the bands are uint8 of shape \(2, 2\); allowed: uint8, three axes"),
        (npy(np.zeros((2, 2, 3), np.float32)), "the bands are float32"),
    ],
    ids=["truncated", "without values", "pickled", "flat", "float"],
)
def test_other_arrays_are_refused(content, message):
    with pytest.raises(ImageError, match=message):
        decode_input(content)
