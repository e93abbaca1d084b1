"""Batches of decoded images. A thread reads ahead, all cores decode, and each image carries its key."""

import os
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from eurosat_transfer.data.decoding import decode_image
from eurosat_transfer.errors import UserError
from eurosat_transfer.tensorflow_setup import tf, without_autotuning

READ_AHEAD = 2  # batches
MAX_REASON = 300  # characters of TensorFlow's message

Batch = tuple[np.ndarray, ...]  # keys, int64, (n,), and then each output of the transformation, (n, ...)


def stream_batches(
    images: Iterable[tuple[int, bytes]], transform: Callable[[tf.Tensor], tuple[tf.Tensor, ...]], size: int
) -> Iterator[Batch]:
    """Decode and transform images. Each image is decoded once.

    Args:
        images: pairs of a key and an encoded image.
        transform: decoded image, uint8, (height, width, 3) -> one or more tensors. Each has the same shape for every
            image.
        size: images per batch; the last batch can be smaller.

    Yields:
        The keys of a batch, int64, (n,), and each output of the transformation, (n, ...), in the order of images.

    Raises:
        UserError: an image does not decode.
        Exception: whatever the iterable images raises, after the batches before it.
    """
    failures: list[Exception] = []

    def read() -> Iterator[tuple[int, bytes]]:
        try:
            yield from images
        except Exception as error:  # TensorFlow would pass on only its text
            failures.append(error)

    signature = (tf.TensorSpec((), tf.int64), tf.TensorSpec((), tf.string))
    data = tf.data.Dataset.from_generator(read, output_signature=signature)
    data = data.map(lambda key, encoded: (key, *transform(decode_image(encoded))), num_parallel_calls=os.cpu_count())
    try:
        yield from without_autotuning(data.batch(size).prefetch(READ_AHEAD)).as_numpy_iterator()
    except tf.errors.InvalidArgumentError as error:
        reason = error.message.splitlines()[0][:MAX_REASON]
        raise UserError(f"an image of the data set cannot be decoded: {reason}; allowed: JPEG and PNG") from None
    if failures:
        raise failures[0]
