"""tilenet: a residual network that is small enough to be pretrained within a minute."""

from eurosat_transfer.tensorflow_setup import keras

STEM, WIDTHS = 32, (64, 96, 128)  # channels of the stem, and of each block
MIN_IMAGE_SIZE = 16  # pixels; the last feature map is 16 times smaller than the image


def tilenet(image_size: int, channels: int = 3) -> keras.Model:
    """Build tilenet: a stem and three residual blocks with stride 2, 0.5 M parameters.

    Args:
        image_size: side of the images in pixels, 16 or more.
        channels: of the images.

    Returns:
        float32, (n, image_size, image_size, channels), -1 to 1 -> float32, (n, 128), the mean over the positions of the
        last feature map.

    Raises:
        ValueError: image_size is below 16.

    Source:
        He et al., 2016, Deep Residual Learning for Image Recognition.
    """
    if image_size < MIN_IMAGE_SIZE:
        raise ValueError(f"tilenet needs an image size of {MIN_IMAGE_SIZE} pixels or more (found {image_size})")
    x = inputs = keras.Input((image_size, image_size, channels))
    x = _convolution(x, STEM, stride=2)
    for width in WIDTHS:
        y = _convolution(x, width, stride=2)
        y = _convolution(y, width, activation=None)
        x = _convolution(x, width, stride=2, size=1, activation=None)
        x = keras.layers.ReLU()(keras.layers.Add()([x, y]))
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x), name="tilenet")


def _convolution(
    x: keras.KerasTensor, width: int, stride: int = 1, size: int = 3, activation: str | None = "relu"
) -> keras.KerasTensor:
    x = keras.layers.Conv2D(width, size, stride, padding="same", use_bias=False, kernel_initializer="he_normal")(x)
    x = keras.layers.BatchNormalization(momentum=0.9)(x)
    return x if activation is None else keras.layers.Activation(activation)(x)
