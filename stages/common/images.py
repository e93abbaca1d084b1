"""Encoded images as tensors."""

from stages.common.tensorflow import tf


def decode(encoded: tf.Tensor, size: int) -> tf.Tensor:
    """Decode an image and stretch it to a square.

    Returns:
        float32, (size, size, 3), RGB, 0 to 255.
    """
    image = tf.io.decode_image(encoded, channels=3, expand_animations=False)
    shrinks = tf.reduce_max(tf.shape(image)[:2]) > size  # else there is nothing to smooth, and that takes half the time
    image = tf.cond(
        shrinks,
        lambda: tf.image.resize(image, (size, size), antialias=True),
        lambda: tf.image.resize(image, (size, size)),
    )
    return tf.ensure_shape(image, (size, size, 3))
