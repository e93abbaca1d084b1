"""The one-layer network, as every stage that trains one builds it."""

from stages.common.tensorflow import keras

RATES = (0.01, 0.03, 0.1, 0.3, 1.0)  # what lr: auto tries


def build_probe(descriptor_size: int, classes: int, lr: float) -> keras.Model:
    """Build one Dense softmax layer on features, compiled with plain SGD; float32, (n, d) -> (n, classes)."""
    layer = keras.layers.Dense(classes, activation="softmax", name="label")
    model = keras.Sequential([keras.Input((descriptor_size,)), layer])
    model.compile(keras.optimizers.SGD(lr), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model
