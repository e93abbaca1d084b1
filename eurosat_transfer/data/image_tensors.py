"""Encoded images as tensors of one size."""

from eurosat_transfer.data.network_inputs import decode_input
from eurosat_transfer.tensorflow_setup import tf


def decode_tensor(encoded: tf.Tensor, channels: int = 3) -> tf.Tensor:
    """Decode an image with decode_input, also inside the function of a tf.data pipeline.

    Args:
        encoded: string, (), what decode_input takes.
        channels: of the image.

    Returns:
        uint8, (height, width, channels).

    Raises:
        ImageError: the image cannot be decoded. Inside a pipeline it is tf.errors.InvalidArgumentError.
    """
    if tf.executing_eagerly():  # tf.numpy_function would pass a NumPy string, which loses zero bytes at the end
        return tf.constant(decode_input(tf.convert_to_tensor(encoded).numpy()))
    image = tf.numpy_function(decode_input, [encoded], tf.uint8, stateful=False)
    return tf.ensure_shape(image, (None, None, channels))


def resize_image(image: tf.Tensor, size: int) -> tf.Tensor:
    """Resize an image, or several of the same shape, to a square, with antialiasing if it shrinks.

    An image that does not shrink needs no antialiasing, and without it resizing takes half the time.

    Args:
        image: uint8, (height, width, channels) or (n, height, width, channels).
        size: pixels per side.

    Returns:
        float32, (size, size, channels) or (n, size, size, channels), 0 to 255.
    """
    shrinks = tf.reduce_max(tf.shape(image)[-3:-1]) > size
    resized = tf.cond(
        shrinks,
        lambda: tf.image.resize(image, (size, size), antialias=True),
        lambda: tf.image.resize(image, (size, size)),
    )
    return tf.ensure_shape(resized, (*image.shape[:-3], size, size, image.shape[-1]))


def raw_pixels(images: tf.Tensor, size: int) -> tf.Tensor:
    """Resize images to squares, and return the values of each as one row.

    Args:
        images: uint8, (n, height, width, channels).
        size: pixels per side.

    Returns:
        uint8, (n, size * size * channels), by row, column and channel.
    """
    return tf.reshape(tf.cast(tf.round(resize_image(images, size)), tf.uint8), [-1, size * size * images.shape[-1]])
