"""The eight views of a tile: rotations by multiples of 90 degrees, with and without a horizontal flip.

A tile shows the ground from above, so all eight views are equally plausible and have the same label.
"""

from eurosat_transfer.tensorflow_setup import tf

VIEWS = tuple((quarters, flip) for flip in (False, True) for quarters in range(4))


def turn(image: tf.Tensor, quarters: tf.Tensor | int, flip: tf.Tensor | bool) -> tf.Tensor:
    """Turn an image counter-clockwise, and then flip it left to right if asked to.

    Args:
        image: any type, (size, size, 3), or several images, (n, size, size, 3).
        quarters: int, (), number of quarter turns, 0 to 3.
        flip: bool, (), whether to flip the turned image.

    Returns:
        The same type and shape.
    """
    turned = tf.image.rot90(image, quarters)
    return tf.ensure_shape(tf.where(flip, tf.image.flip_left_right(turned), turned), image.shape)


def random_view(image: tf.Tensor, seed: int, epoch: tf.Tensor, content: tf.Tensor) -> tf.Tensor:
    """Draw one of the eight views of an image, each with the same probability.

    The same seed, epoch and content give the same view.

    Args:
        image: any type, (size, size, 3).
        seed: of the training.
        epoch: int64, (), number of the epoch.
        content: string, (), the bytes of the encoded image.

    Returns:
        The same type, (size, size, 3).
    """
    drawn = tf.random.stateless_uniform((), image_key(seed, epoch, content), 0, len(VIEWS), tf.int32)
    return turn(image, drawn % 4, drawn >= 4)


def image_key(seed: int, epoch: tf.Tensor, content: tf.Tensor) -> tf.Tensor:
    """Make the seed of the random numbers for one image in one epoch.

    Args:
        seed: of the training.
        epoch: int64, (), number of the epoch.
        content: string, (), the bytes of the encoded image.

    Returns:
        int64, (2,): for TensorFlow's stateless random numbers.
    """
    return tf.random.fold_in([seed, epoch], tf.strings.to_hash_bucket_fast(content, 2**31 - 1))
