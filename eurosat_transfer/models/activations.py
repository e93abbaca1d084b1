"""Sigmoid against ReLU: how many iterations a network needs to converge."""

from typing import NamedTuple

import numpy as np

from eurosat_transfer.data.digits import Digits
from eurosat_transfer.errors import UserError
from eurosat_transfer.parameters.activations import Activations
from eurosat_transfer.tensorflow_setup import keras, make_reproducible, progress_bar

NETWORKS, ACTIVATIONS = ("mlp", "convnet"), ("sigmoid", "relu")
FILTERS = (16, 32)  # of the convnet's convolutions
DIGITS = 10


class Convergence(NamedTuple):
    """How a network converged.

    Attributes:
        iterations: steps of SGD until the mean training loss of an epoch was low enough; None if it never was.
        test_accuracy: accuracy on test after the last step, 0 to 1.
        losses: mean training loss of each epoch.
    """

    iterations: int | None
    test_accuracy: float
    losses: list[float]


class StopAtLoss(keras.callbacks.Callback):
    """Stops training when the mean training loss of an epoch is low enough."""

    def __init__(self, loss: float):
        """Set the target.

        Args:
            loss: training stops when the mean training loss of an epoch is at or below this value.
        """
        super().__init__()
        self.loss, self.reached = loss, False

    def on_epoch_end(self, epoch: int, logs: dict) -> None:  # noqa: ARG002, the signature is Keras'
        """Compare the mean training loss of the epoch with the target."""
        self.reached = self.model.stop_training = logs["loss"] <= self.loss


def build_network(network: str, activation: str, side: int, hidden: int) -> keras.Model:
    """Build a classifier of digits.

    Args:
        network: "mlp" has one hidden layer; "convnet" has two convolutions of 3x3 before it.
        activation: of all layers but the last, as Keras names it.
        side: side of the images in pixels.
        hidden: number of units in the hidden layer.

    Returns:
        float32, (n, side, side, 1), 0 to 1 -> probabilities, float32, (n, 10).
    """
    layers = [keras.Input((side, side, 1))]
    if network == "convnet":
        for filters in FILTERS:
            layers += [keras.layers.Conv2D(filters, 3, padding="same", activation=activation), keras.layers.MaxPool2D()]
    layers += [keras.layers.Flatten(), keras.layers.Dense(hidden, activation=activation)]
    return keras.Sequential([*layers, keras.layers.Dense(DIGITS, activation="softmax")])


def steps_per_epoch(data: Digits, params: Activations) -> int:
    """Count the steps of an epoch.

    Args:
        data: the images.
        params: its batch_size. The last batch of an epoch can have fewer images.
    """
    return -(-len(data.X_train) // params.batch_size)


def train_until_converged(network: str, activation: str, data: Digits, params: Activations) -> Convergence:
    """Train one network with plain SGD until it converges or activations.max_epochs are over.

    Args:
        network: "mlp" or "convnet".
        activation: "sigmoid" or "relu".
        data: images to train and to test with.
        params: the stage's parameters. Equal seeds give equal initial weights and equal orders of the images.

    Raises:
        UserError: the loss becomes NaN or infinite.
    """
    keras.utils.set_random_seed(params.seed)
    model = build_network(network, activation, data.X_train.shape[1], params.hidden)
    model.compile(keras.optimizers.SGD(params.lr), "sparse_categorical_crossentropy", metrics=["accuracy"])
    stop = StopAtLoss(params.loss)
    losses = model.fit(
        data.X_train,
        data.y_train,
        batch_size=params.batch_size,
        epochs=params.max_epochs,
        callbacks=[stop, progress_bar()],
        verbose=0,
    ).history["loss"]
    if not np.isfinite(losses).all():
        raise UserError(
            f"activations.lr={params.lr:g} is too large: the training of {network} with {activation} diverged; "
            "set a smaller learning rate"
        )
    _, accuracy = model.evaluate(data.X_test, data.y_test, verbose=0)
    iterations = len(losses) * steps_per_epoch(data, params) if stop.reached else None
    return Convergence(iterations, float(accuracy), losses)


def compare_activations(data: Digits, params: Activations) -> dict[str, dict[str, Convergence]]:
    """Train every network with every activation, each from the same seed.

    Args:
        data: images to train and to test with.
        params: the stage's parameters.

    Returns:
        The result of each training, by network and then by activation.

    Raises:
        UserError: the loss of a training becomes NaN or infinite.
    """
    make_reproducible(params.seed)
    compared: dict[str, dict[str, Convergence]] = {network: {} for network in NETWORKS}
    for network in NETWORKS:
        for activation in ACTIVATIONS:
            print(f"{network} with {activation}", flush=True)
            found = train_until_converged(network, activation, data, params)
            compared[network][activation] = found
            reached = f"{found.iterations} iterations" if found.iterations else "not converged"
            print(f"{reached}, test accuracy {found.test_accuracy:.3f}, training loss {found.losses[-1]:.3f}")
    return compared
