"""Batches of decoded images. Threads read and decode ahead, and each image carries its key."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import groupby, islice

import numpy as np

from eurosat_transfer.data.decoding import ImageError
from eurosat_transfer.data.network_inputs import decode_input
from eurosat_transfer.errors import UserError
from eurosat_transfer.tensorflow_setup import tf, without_autotuning

READ_AHEAD = 2  # batches
CHUNK_BYTES = 2**20  # of decoded images that TensorFlow gets at a time

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

    Args:
        images: pairs of a key and an encoded image, see decode_input.
        transform: decoded image, uint8, (height, width, channels) -> one or more tensors. Each has the same shape for
            every image.
        size: images per batch; the last batch can be smaller.
        channels: of the images.

    Yields:
        The keys of a batch, int64, (n,), and each output of the transformation, (n, ...), in the order of images.

    Raises:
        UndecodableImageError: an image does not decode.
        Exception: whatever the iterable images raises, after the batches before it.
    """
    failures: list[Exception] = []

    def until_failure(items: Iterable) -> Iterator:
        try:
            yield from items
        except Exception as error:  # TensorFlow would pass on only its text
            failures.append(error)

    def chunks() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        yield from _stack(until_failure(_decode_ahead(until_failure(images))), size)

    signature = (tf.TensorSpec((None,), tf.int64), tf.TensorSpec((None, None, None, channels), tf.uint8))
    data = tf.data.Dataset.from_generator(chunks, output_signature=signature).unbatch()
    data = data.map(lambda key, image: (key, *transform(image)), num_parallel_calls=os.cpu_count())
    yield from without_autotuning(data.batch(size).prefetch(READ_AHEAD)).as_numpy_iterator()
    if failures:
        raise failures[-1]  # reading fails ahead of decoding, so the last failure is of the first image


def _decode_ahead(images: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, np.ndarray]]:
    """Decode images in threads, as many as there are cores, and yield them in order."""
    workers = os.cpu_count() or 1
    waiting: deque[tuple[int, Future[np.ndarray]]] = deque()

    def finish() -> tuple[int, np.ndarray]:
        key, future = waiting.popleft()
        try:
            return key, future.result()
        except ImageError as error:
            raise UndecodableImageError(key, str(error)) from None

    with ThreadPoolExecutor(workers) as pool:
        for key, encoded in images:
            waiting.append((key, pool.submit(decode_input, encoded)))
            if len(waiting) > workers:
                yield finish()
        while waiting:
            yield finish()


def _stack(images: Iterable[tuple[int, np.ndarray]], size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Stack neighbours of the same shape, because each call from TensorFlow into Python takes as long as decoding."""
    for shape, group in groupby(images, lambda pair: pair[1].shape):
        count = min(size, max(1, CHUNK_BYTES // int(np.prod(shape))))
        while chunk := list(islice(group, count)):
            yield np.array([key for key, _ in chunk], np.int64), np.stack([image for _, image in chunk])
