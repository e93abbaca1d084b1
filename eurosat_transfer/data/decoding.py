"""The decoding of images to tensors of one size."""

from eurosat_transfer.tensorflow_setup import tf


def decode_image(encoded: tf.Tensor) -> tf.Tensor:
    """Decode a JPEG or PNG image.

    Args:
        encoded: string, (), or bytes.

    Returns:
        uint8, (height, width, 3), RGB.

    Raises:
        tf.errors.InvalidArgumentError: the bytes are no image.
    """
    return tf.io.decode_image(encoded, channels=3, expand_animations=False)


def resize_image(image: tf.Tensor, size: int) -> tf.Tensor:
    """Resize an image to a square, with antialiasing if it shrinks.

    An image that does not shrink needs no antialiasing, and without it resizing takes half the time.

    Args:
        image: uint8, (height, width, 3), RGB.
        size: pixels per side.

    Returns:
        float32, (size, size, 3), RGB, 0 to 255.
    """
    shrinks = tf.reduce_max(tf.shape(image)[:2]) > size
    resized = tf.cond(
        shrinks,
        lambda: tf.image.resize(image, (size, size), antialias=True),
        lambda: tf.image.resize(image, (size, size)),
    )
    return tf.ensure_shape(resized, (size, size, 3))


def raw_pixels(image: tf.Tensor, size: int) -> tf.Tensor:
    """Resize an image to a square, and return its values as one row.

    Args:
        image: uint8, (height, width, 3), RGB.
        size: pixels per side.

    Returns:
        uint8, (size * size * 3,), by row, column and channel.
    """
    return tf.reshape(tf.cast(tf.round(resize_image(image, size)), tf.uint8), [-1])
