"""The linear probe: one softmax layer on the features, trained by SGD."""

from typing import NamedTuple

import numpy as np

from eurosat_transfer.evaluation.predictions import Results, most_probable
from eurosat_transfer.features.feature_set import FeatureSet
from eurosat_transfer.parameters.probe import Probe
from eurosat_transfer.tensorflow_setup import keras, keras_verbosity, make_reproducible

RATES = (0.01, 0.03, 0.1, 0.3, 1.0)  # candidates for lr: auto


class EvaluatedProbe(NamedTuple):
    """A probe's results, with the learning curve of its training on train.

    Attributes:
        results: predictions for val and test, and the learning rate if it was chosen.
        history: Keras' History, with one entry per epoch.
    """

    results: Results
    history: keras.callbacks.History


def build_probe(descriptor_size: int, classes: int, lr: float) -> keras.Model:
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


def fit_probe(
    train: tuple[np.ndarray, np.ndarray],
    val: tuple[np.ndarray, np.ndarray] | None,
    classes: int,
    lr: float,
    params: Probe,
) -> tuple[keras.Model, keras.callbacks.History]:
    """Train a probe. The result does not depend on what the process trained before.

    Args:
        train: X, float32, (n, d), and y, int64, (n,).
        val: X and y to evaluate after each epoch, or None.
        classes: number of classes.
        lr: learning rate.
        params: batch_size, epochs and seed.

    Returns:
        The trained layer, and Keras' History with one entry per epoch.
    """
    make_reproducible(params.seed)
    model = build_probe(train[0].shape[1], classes, lr)
    history = model.fit(
        *train, batch_size=params.batch_size, epochs=params.epochs, validation_data=val, verbose=keras_verbosity()
    )
    return model, history


def evaluate_probe(features: FeatureSet, params: Probe) -> EvaluatedProbe:
    """Train a probe on train, and predict val and test.

    With lr: auto, the learning rate is chosen on val, and the probe that predicts test is trained on train and val
    together.

    Args:
        features: of train, val and test.
        params: the stage's parameters.

    Returns:
        Predictions for val and test, and the learning curve of the training on train. A diverged training gives a
        history with losses that are not finite, and no error.
    """
    train, val, classes = features.select("train"), features.select("val"), len(features.classes)
    rates = RATES if params.lr == "auto" else (params.lr,)
    fits = {lr: fit_probe(train, val, classes, lr, params) for lr in rates}
    lr = max(fits, key=lambda rate: fits[rate][1].history["val_accuracy"][-1])
    model, history = fits[lr]
    of_val = most_probable(val[1], model.predict(val[0], verbose=0))
    if params.lr == "auto":
        model, _ = fit_probe(features.select("train", "val"), None, classes, lr, params)
    of_test = most_probable(features.y["test"], model.predict(features.X["test"], verbose=0))
    labels = len(train[1]) + (len(val[1]) if params.lr == "auto" else 0)
    return EvaluatedProbe(Results(of_val, of_test, labels, {"lr": lr} if params.lr == "auto" else {}), history)
