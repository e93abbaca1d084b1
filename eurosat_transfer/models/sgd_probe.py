"""The probe as the university lab trains it: one softmax layer, by a few epochs of SGD."""

import numpy as np

from eurosat_transfer.models.training import check_convergence
from eurosat_transfer.parameters.probe import Probe
from eurosat_transfer.tensorflow_setup import epoch_lines, keras, keras_verbosity, make_reproducible


def build_sgd_probe(descriptor_size: int, classes: int, lr: float) -> keras.Model:
    """Build one softmax layer, compiled with plain SGD.

    Args:
        descriptor_size: d, the number of features per image.
        classes: number of classes.
        lr: learning rate.

    Returns:
        float32, (n, d) -> probabilities, float32, (n, classes).
    """
    layer = keras.layers.Dense(classes, activation="softmax", name="label")
    model = keras.Sequential([keras.Input((descriptor_size,)), layer])
    model.compile(keras.optimizers.SGD(lr), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def fit_sgd_probe(
    train: tuple[np.ndarray, np.ndarray], val: tuple[np.ndarray, np.ndarray], classes: int, params: Probe
) -> tuple[keras.Model, keras.callbacks.History]:
    """Train a probe. The result does not depend on what the process trained before.

    Args:
        train: X, float32, (n, d), and y, int64, (n,).
        val: X and y to evaluate after each epoch.
        classes: number of classes.
        params: lr, batch_size, epochs and seed.

    Returns:
        The trained layer, and Keras' History with one entry per epoch.

    Raises:
        UserError: a loss is NaN or infinite.
    """
    make_reproducible(params.seed)
    model = build_sgd_probe(train[0].shape[1], classes, params.lr)
    history = model.fit(
        *train,
        batch_size=params.batch_size,
        epochs=params.epochs,
        validation_data=val,
        verbose=keras_verbosity(),
        callbacks=epoch_lines(),
    )
    check_convergence(history)
    return model, history
