"""The eight views of a tile: rotations by multiples of 90 degrees, with and without a horizontal flip.

A tile shows the ground from above, so all eight views are equally plausible and have the same label.
"""

from eurosat_transfer.tensorflow_setup import tf

VIEWS = tuple((quarters, flip) for flip in (False, True) for quarters in range(4))


def turn(image: tf.Tensor, quarters: tf.Tensor | int, flip: tf.Tensor | bool) -> tf.Tensor:
    """Turn an image counter-clockwise, and then flip it left to right if asked to.

    Args:
        image: any type, (size, size, 3).
        quarters: int, (), number of quarter turns, 0 to 3.
        flip: bool, (), whether to flip the turned image.

    Returns:
        The same type, (size, size, 3).
    """
    turned = tf.image.rot90(image, quarters)
    return tf.ensure_shape(tf.where(flip, tf.image.flip_left_right(turned), turned), image.shape)


def random_view(image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Draw one of the eight views of an image, each with the same probability.

    Args:
        image: any type, (size, size, 3).
        seed: int, (2,). Equal seeds give equal views.

    Returns:
        The same type, (size, size, 3).
    """
    drawn = tf.random.stateless_uniform((2,), seed, 0, 4, tf.int32)
    return turn(image, drawn[0], drawn[1] >= 2)
