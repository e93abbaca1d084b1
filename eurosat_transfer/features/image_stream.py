"""Batches of decoded images. Threads decode ahead, and each image carries its key."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import groupby, islice

import numpy as np

from eurosat_transfer.data.decoding import ImageError
from eurosat_transfer.data.network_inputs import decode_input
from eurosat_transfer.errors import UserError
from eurosat_transfer.tensorflow_setup import tf

CHUNK_BYTES = 2**20  # of decoded images that are transformed at a time

Batch = tuple[np.ndarray, ...]  # keys, int64, (n,), and then each output of the transformation, (n, ...)


class UndecodableImageError(UserError):
    """An image cannot be decoded.

    Attributes:
        key: the key that came with the image.
        reason: why it cannot be decoded.
    """

    def __init__(self, key: int, reason: str):
        """Set key and reason. They are the arguments of the exception, so that it can be pickled."""
        super().__init__(key, reason)
        self.key, self.reason = key, reason

    def __str__(self) -> str:
        return f"an image of the data set cannot be decoded: {self.reason}; allowed: JPEG and PNG"


def stream_batches(
    images: Iterable[tuple[int, bytes]],
    transform: Callable[[tf.Tensor], tuple[tf.Tensor, ...]],
    size: int,
    channels: int = 3,
) -> Iterator[Batch]:
    """Decode and transform images. Each image is decoded once.

    Neighbours of the same shape are transformed together. A call of TensorFlow for each image would take longer than
    the resizing of a small one.

    Args:
        images: pairs of a key and an encoded image, see decode_input.
        transform: decoded images, uint8, (n, height, width, channels) -> one or more tensors of n rows. The rows of an
            output have the same shape for all images.
        size: images per batch; the last batch can be smaller.
        channels: of the images.

    Yields:
        The keys of a batch, int64, (n,), and each output of the transformation, (n, ...), in the order of images.

    Raises:
        UndecodableImageError: an image does not decode.
        Exception: whatever the iterable images raises, after the batches before it.
    """
    compiled = tf.function(transform, input_signature=[tf.TensorSpec((None, None, None, channels), tf.uint8)])
    failures: list[Exception] = []
    chunks = _stack(_until_failure(_decode_ahead(images), failures), size)
    yield from _rebatch(((keys, *(output.numpy() for output in compiled(chunk))) for keys, chunk in chunks), size)
    if failures:
        raise failures[0]


def _until_failure(items: Iterable, failures: list[Exception]) -> Iterator:
    """Yield items until the first exception, and put it into a list, so that what came before it can be finished."""
    try:
        yield from items
    except Exception as error:
        failures.append(error)


def _decode_ahead(images: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, np.ndarray]]:
    """Decode images in threads, as many as there are cores, and yield them in order."""
    workers = os.cpu_count() or 1
    waiting: deque[tuple[int, Future[np.ndarray]]] = deque()
    failures: list[Exception] = []

    def finish() -> tuple[int, np.ndarray]:
        key, future = waiting.popleft()
        try:
            return key, future.result()
        except ImageError as error:
            raise UndecodableImageError(key, str(error)) from None

    with ThreadPoolExecutor(workers) as pool:
        for key, encoded in _until_failure(images, failures):
            waiting.append((key, pool.submit(decode_input, encoded)))
            if len(waiting) > workers:
                yield finish()
        while waiting:
            yield finish()
    if failures:
        raise failures[0]


def _stack(images: Iterable[tuple[int, np.ndarray]], size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Stack neighbours of the same shape."""
    for shape, group in groupby(images, lambda pair: pair[1].shape):
        count = min(size, max(1, CHUNK_BYTES // int(np.prod(shape))))
        while chunk := list(islice(group, count)):
            yield np.array([key for key, _ in chunk], np.int64), np.stack([image for _, image in chunk])


def _rebatch(chunks: Iterable[Batch], size: int) -> Iterator[Batch]:
    """Join and cut chunks to batches of one size. Only the last batch can be smaller."""
    rows: Batch | None = None
    for chunk in chunks:
        rows = chunk if rows is None else tuple(map(np.concatenate, zip(rows, chunk, strict=True)))
        while rows is not None and len(rows[0]) >= size:
            yield tuple(column[:size] for column in rows)
            rows = tuple(column[size:] for column in rows) if len(rows[0]) > size else None
    if rows is not None:
        yield rows
