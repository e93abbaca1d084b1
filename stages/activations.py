"""Sigmoid against ReLU: how many iterations until a network converges, in a perceptron and in a small ConvNet.

Reads   nothing: scikit-learn's handwritten digits (8x8), or MNIST by TFDS
Writes  metrics/activations.json   of each network and activation: iterations, test_accuracy
        plots/activations.csv (network, activation, iteration, loss), plots/activations.png

Converged: the mean training loss of an epoch is at most activations.loss. iterations counts the steps of plain SGD
until then; it is null where activations.max_epochs were not enough. Both activations start from the same seed.
"""

from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import requests
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from stages.common.files import whole, write_csv, write_json
from stages.common.params import Activations, load_params
from stages.common.stage import UserError, run_stage
from stages.common.tensorflow import keras, progress_bar, reproducible

TEST = 0.2  # share of the digits held out; MNIST has a test set of its own


class Digits(NamedTuple):
    """X: float32, (n, side, side, 1), 0 to 1; y: int64, (n,), 0 to 9."""

    X_train: np.ndarray
    X_test: np.ndarray
    y_train: np.ndarray
    y_test: np.ndarray


def load_data(params: Activations) -> Digits:
    """Load handwritten digits.

    Raises:
        UserError: MNIST is not prepared in TFDS' folder and cannot be fetched.
    """
    if params.data == "digits":
        digits = load_digits()
        X = (digits.images[..., None] / 16).astype(np.float32)
        return Digits(
            *train_test_split(X, digits.target, test_size=TEST, stratify=digits.target, random_state=params.seed)
        )
    from stages.common.tfds import tfds  # needed only here

    try:
        (X_train, y_train), (X_test, y_test) = tfds.as_numpy(
            tfds.load("mnist", split=["train", "test"], batch_size=-1, as_supervised=True)
        )
    except (OSError, tfds.download.DownloadError, requests.RequestException) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"activations.data=mnist: TFDS could not prepare it ({reason}); allowed: digits") from None
    return Digits((X_train / 255).astype(np.float32), (X_test / 255).astype(np.float32), y_train, y_test)


def build(network: str, activation: str, side: int, hidden: int) -> keras.Model:
    """Build the perceptron with one hidden layer (mlp), or that after two convolutions of 3x3 (convnet)."""
    layers = [keras.Input((side, side, 1))]
    if network == "convnet":
        for filters in (16, 32):
            layers += [keras.layers.Conv2D(filters, 3, padding="same", activation=activation), keras.layers.MaxPool2D()]
    layers += [keras.layers.Flatten(), keras.layers.Dense(hidden, activation=activation)]
    return keras.Sequential([*layers, keras.layers.Dense(10, activation="softmax")])


class StopAtLoss(keras.callbacks.Callback):
    """Stop training when an epoch's mean training loss is low enough."""

    def __init__(self, loss: float):
        super().__init__()
        self.loss, self.reached = loss, False

    def on_epoch_end(self, epoch: int, logs: dict) -> None:  # noqa: ARG002 - Keras calls it so
        self.reached = self.model.stop_training = logs["loss"] <= self.loss


def train(network: str, activation: str, data: Digits, params: Activations) -> tuple[dict, list[float]]:
    """Train one network until it converges.

    Returns:
        {"iterations": int or None, "test_accuracy": float}, and the mean training loss of each epoch.
    """
    keras.utils.set_random_seed(params.seed)
    model = build(network, activation, data.X_train.shape[1], params.hidden)
    model.compile(keras.optimizers.SGD(params.lr), "sparse_categorical_crossentropy", metrics=["accuracy"])
    stop = StopAtLoss(params.loss)
    print(f"{network} with {activation}", flush=True)
    losses = model.fit(
        data.X_train,
        data.y_train,
        batch_size=params.batch_size,
        epochs=params.max_epochs,
        callbacks=[stop, progress_bar()],
        verbose=0,
    ).history["loss"]
    if not np.isfinite(losses).all():
        raise UserError(f"activations.lr: {network} with {activation} diverged at {params.lr:g}; try a smaller rate")
    _, accuracy = model.evaluate(data.X_test, data.y_test, verbose=0)
    steps = -(-len(data.X_train) // params.batch_size)
    return {"iterations": len(losses) * steps if stop.reached else None, "test_accuracy": float(accuracy)}, losses


def draw(curves: dict[tuple[str, str], list[float]], steps: int, loss: float) -> plt.Figure:
    """Draw the training losses, a panel a network."""
    networks = list(dict.fromkeys(network for network, _ in curves))
    figure, axes = plt.subplots(1, len(networks), figsize=(10, 4), sharey=True, layout="constrained")
    for axis, network in zip(axes, networks, strict=True):
        for (owner, activation), losses in curves.items():
            if owner == network:
                axis.plot(np.arange(1, len(losses) + 1) * steps, losses, marker=".", label=activation)
        axis.axhline(loss, color="grey", linestyle=":", label=f"converged: {loss:g}")
        axis.set(title=network, xlabel="iterations", ylabel="training loss" if axis is axes[0] else None, yscale="log")
        axis.legend()
    return figure


def main() -> None:
    params = load_params().activations
    reproducible(params.seed)
    data = load_data(params)
    steps = -(-len(data.X_train) // params.batch_size)
    figures, curves = {"mlp": {}, "convnet": {}}, {}
    for network in figures:
        for activation in ("sigmoid", "relu"):
            result, losses = train(network, activation, data, params)
            figures[network][activation], curves[network, activation] = result, losses
            print(f"{result}, training loss {losses[-1]:.3f}")
    write_json("metrics/activations.json", figures)
    rows = ((*key, (epoch + 1) * steps, loss) for key, losses in curves.items() for epoch, loss in enumerate(losses))
    write_csv("plots/activations.csv", ("network", "activation", "iteration", "loss"), rows)
    with whole("plots/activations.png") as part:
        draw(curves, steps, params.loss).savefig(part, dpi=110, format="png")


if __name__ == "__main__":
    run_stage(main, __doc__)
