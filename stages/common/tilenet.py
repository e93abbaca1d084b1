"""A residual network small enough to be pretrained while one waits."""

from stages.common.tensorflow import keras

STEM, WIDTHS = 32, (64, 96, 128)


def tilenet(image_size: int) -> keras.Model:
    """Build tilenet: a stem and three residual blocks of stride 2, 0.5 M parameters; after He et al., 2016.

    Returns:
        (n, image_size, image_size, 3), -1 to 1 -> (n, 128), the mean over the last block's positions.

    Raises:
        ValueError: image_size is below 16.
    """
    if image_size < 16:
        raise ValueError(f"tilenet takes images of 16 pixels and more, not {image_size}")
    x = inputs = keras.Input((image_size, image_size, 3))
    x = _convolution(x, STEM, stride=2)
    for width in WIDTHS:
        y = _convolution(x, width, stride=2)
        y = _convolution(y, width, activation=None)
        x = _convolution(x, width, stride=2, size=1, activation=None)
        x = keras.layers.ReLU()(keras.layers.Add()([x, y]))
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x), name="tilenet")


def _convolution(x, width: int, stride: int = 1, size: int = 3, activation: str | None = "relu"):
    x = keras.layers.Conv2D(width, size, stride, padding="same", use_bias=False, kernel_initializer="he_normal")(x)
    x = keras.layers.BatchNormalization(momentum=0.9)(x)
    return x if activation is None else keras.layers.Activation(activation)(x)
