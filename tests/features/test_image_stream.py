"""Images are read and decoded in batches."""

import os
import pickle

import numpy as np
import pytest
from conftest import encoded

from eurosat_transfer.errors import UserError
from eurosat_transfer.features import image_stream
from eurosat_transfer.features.image_stream import UndecodableImageError, stream_batches
from eurosat_transfer.tensorflow_setup import tf


def colour(number: int) -> bytes:
    """An image whose colour is its number."""
    return encoded((number, 2 * number, 255 - number), "PNG", size=(20 + number, 16))


def corner(images: tf.Tensor) -> tuple[tf.Tensor]:
    return (images[:, 0, 0],)


@pytest.mark.parametrize(("count", "sizes"), [(0, []), (1, [1]), (8, [4, 4]), (11, [4, 4, 3])])
def test_all_images_come_in_batches_with_a_smaller_last_one(count, sizes):
    batches = list(stream_batches(((n, colour(n)) for n in range(count)), corner, 4))
    assert [len(keys) for keys, _ in batches] == sizes
    assert [key for keys, _ in batches for key in keys] == list(range(count))


@pytest.mark.parametrize("size", [1, 3, 100])
def test_each_image_keeps_its_key_in_any_order(size):
    numbers = np.random.default_rng(0).permutation(60).tolist()
    found = {}
    for keys, colours in stream_batches(((1000 + n, colour(n)) for n in numbers), corner, size):
        assert keys.dtype == np.int64
        found |= dict(zip(keys.tolist(), colours.tolist(), strict=True))
    assert found == {1000 + n: [n, 2 * n, 255 - n] for n in numbers}


def test_each_image_is_decoded_once_for_all_outputs(monkeypatch):
    decoded = []
    decode = image_stream.decode_input
    monkeypatch.setattr(image_stream, "decode_input", lambda image: decoded.append(image) or decode(image))
    images = [colour(n) for n in range(10)]
    batches = list(
        stream_batches(enumerate(images), lambda images: (images[:, 0, 0], images[:, 0, 0] // 2, images[:, 0, 1]), 4)
    )
    assert all(len(outputs) == 4 for outputs in batches)
    assert sorted(decoded) == sorted(images)


def test_images_are_read_only_a_little_ahead():
    read = []

    def images():
        for number in range(1000):
            read.append(number)
            yield number, colour(number % 100)

    stream = stream_batches(images(), corner, 4)
    next(stream)
    stream.close()
    assert len(read) < 50 + 3 * os.cpu_count()


def test_an_error_of_the_reader_comes_through_after_the_images_before_it():
    class ReaderError(Exception):
        pass

    def images():
        yield from ((n, colour(n)) for n in range(3))
        raise ReaderError("data/array_records cannot be read")

    found = []
    with pytest.raises(ReaderError, match="data/array_records cannot be read"):
        found.extend(keys.tolist() for keys, _ in stream_batches(images(), corner, 2))
    assert found == [[0, 1], [2]]


def test_images_of_different_and_of_large_sizes_come_in_order(monkeypatch):
    monkeypatch.setattr(image_stream, "CHUNK_BYTES", 3 * 20 * 16 * 3)  # two or three images, or one larger one
    sizes = [20, 20, 20, 20, 90, 90, 20, 33, 20, 20]
    images = [encoded((n, 0, 0), "PNG", size=(width, 16)) for n, width in enumerate(sizes)]

    def widths_and_reds(images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.repeat(tf.shape(images)[2], tf.shape(images)[0]), images[:, 0, 0, 0]

    outputs = list(stream_batches(enumerate(images), widths_and_reds, 4))
    assert [len(keys) for keys, *_ in outputs] == [4, 4, 2]
    assert np.concatenate([widths for _, widths, _ in outputs]).tolist() == sizes
    assert np.concatenate([reds for *_, reds in outputs]).tolist() == list(range(10))


def test_of_two_failures_the_one_of_the_first_image_is_raised():
    def images():
        yield from [(0, colour(1)), (7, b"no image")]
        raise ValueError("read ahead of decoding")

    with pytest.raises(UndecodableImageError) as refusal:
        list(stream_batches(images(), corner, 1))
    assert (refusal.value.key, refusal.value.reason) == (7, "neither JPEG nor PNG, or its header is damaged")
    assert str(pickle.loads(pickle.dumps(refusal.value))) == str(refusal.value)


@pytest.mark.parametrize("content", [b"\xff\xd8\xff no image", b"", colour(3)[:60]], ids=["no image", "empty", "cut"])
def test_an_image_that_does_not_decode_is_refused(content):
    with pytest.raises(UserError, match="an image of the data set cannot be decoded: .*; allowed: JPEG and PNG"):
        list(stream_batches([(0, colour(1)), (1, content)], corner, 2))
