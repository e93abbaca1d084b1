"""Strong augmentation: a random zoom, other colours and a hidden square.

A network that is to learn from its own predictions must not see the images as it predicted them. Otherwise it already
agrees with them, and learns nothing.

Source:
    Sohn et al., 2020, FixMatch: Simplifying Semi-Supervised Learning with Consistency and Confidence.
    DeVries and Taylor, 2017, Improved Regularization of Convolutional Neural Networks with Cutout.
"""

from eurosat_transfer.models.augmentation import image_key
from eurosat_transfer.tensorflow_setup import tf

ZOOM = 0.4  # largest part of the side that is cut off
BRIGHTNESS = 0.25  # largest relative change
SATURATION = CONTRAST = 0.3
HIDDEN = 0.4  # largest side of the hidden square, as a part of the side of the image


def distort(image: tf.Tensor, seed: int, epoch: tf.Tensor, content: tf.Tensor) -> tf.Tensor:
    """Distort an image at random. The same seed, epoch and content give the same image.

    Args:
        image: float32, (size, size, 3), RGB, 0 to 255.
        seed: of the training.
        epoch: int64, (), number of the epoch.
        content: string, (), the bytes of the encoded image.

    Returns:
        float32, (size, size, 3), RGB, 0 to 255.
    """
    key = tf.random.fold_in(image_key(seed, epoch, content), 1)  # other numbers than those of the random view
    drawn = tf.unstack(tf.random.stateless_uniform((9,), key))
    zoomed = _zoom(image, *drawn[:3])
    return _hide(_change_colours(zoomed, *drawn[3:6]), *drawn[6:])


def _zoom(image: tf.Tensor, amount: tf.Tensor, down: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    """Enlarge a random square of the image to the size of the image. Numbers are from 0 to 1."""
    cut = ZOOM * amount
    top, left = down * cut, right * cut
    box = tf.stack([top, left, top + 1 - cut, left + 1 - cut])
    return tf.image.crop_and_resize(image[None], box[None], [0], image.shape[:2])[0]


def _change_colours(image: tf.Tensor, brightness: tf.Tensor, saturation: tf.Tensor, contrast: tf.Tensor) -> tf.Tensor:
    """Change brightness, saturation and contrast. Each number is from 0 to 1, and 0.5 changes nothing."""
    image = image * _factor(brightness, BRIGHTNESS)
    grey = tf.reduce_mean(image, axis=-1, keepdims=True)
    image = grey + (image - grey) * _factor(saturation, SATURATION)
    mean = tf.reduce_mean(image)
    return tf.clip_by_value(mean + (image - mean) * _factor(contrast, CONTRAST), 0, 255)


def _factor(number: tf.Tensor, largest_change: float) -> tf.Tensor:
    return 1 + largest_change * (2 * number - 1)


def _hide(image: tf.Tensor, amount: tf.Tensor, down: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    """Hide a random square behind the mean of the image. Its centre is in the image; a part may be outside."""
    size = image.shape[0]
    places = (tf.range(size, dtype=tf.float32) + 0.5) / size
    rows, columns = (tf.abs(places - centre) < HIDDEN * amount / 2 for centre in (down, right))
    return tf.where((rows[:, None] & columns[None])[..., None], tf.reduce_mean(image), image)
