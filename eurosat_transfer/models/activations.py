"""Sigmoid against ReLU: how many iterations a network needs to converge, each at its best learning rate."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from eurosat_transfer.data.digits import Digits
from eurosat_transfer.errors import UserError
from eurosat_transfer.models.stacked_networks import NETWORKS, compute_logits, initial_weights
from eurosat_transfer.parameters.activations import Activations
from eurosat_transfer.tensorflow_setup import make_reproducible, tf

ACTIVATIONS = ("sigmoid", "relu")
TEST_BATCH = 500


class Training(NamedTuple):
    """Networks that differ only in their seed, after their training.

    Attributes:
        iterations: by seed: steps of SGD until the network converged; None if it did not.
        losses: by seed: mean training loss of each epoch, up to the one in which the network converged.
        weights: of all networks, as a stack.
    """

    iterations: list[int | None]
    losses: list[list[float]]
    weights: list[Any]

    def converged(self) -> list[int]:
        """Return the iterations of the networks that converged."""
        return [steps for steps in self.iterations if steps is not None]

    def last_loss(self) -> float:
        """Return the mean training loss of the last epoch over the networks. It is infinite if a training diverged."""
        loss = float(np.mean([losses[-1] for losses in self.losses]))
        return loss if np.isfinite(loss) else np.inf


class Convergence(NamedTuple):
    """How a network converges with one activation.

    Attributes:
        rate: the best learning rate.
        training: the networks of the reported seeds, trained with this rate.
        test_accuracies: of these networks after their training, 0 to 1.
        tried: by learning rate: the networks of the tuning seeds. Their training stopped when the best rate was known.
    """

    rate: float
    training: Training
    test_accuracies: list[float]
    tried: dict[float, Training]


def reported_seeds(params: Activations) -> list[int]:
    """List the seeds of the networks whose results are reported.

    Args:
        params: its seed and its number of seeds.
    """
    return list(range(params.seed, params.seed + params.seeds))


def tuning_seeds(params: Activations) -> list[int]:
    """List the seeds of the networks that choose the learning rate. None of them is reported.

    Args:
        params: its seed, its number of seeds and its number of tuning seeds.
    """
    first = params.seed + params.seeds
    return list(range(first, first + params.tuning_seeds))


def steps_per_epoch(data: Digits, params: Activations) -> int:
    """Count the steps of an epoch. It leaves out the last images of its order if they are fewer than a batch.

    Args:
        data: the images.
        params: its batch_size, which may exceed the number of images.
    """
    return len(data.X_train) // min(params.batch_size, len(data.X_train))


def compare_activations(data: Digits, params: Activations) -> dict[str, dict[str, Convergence]]:
    """Find the best learning rate of every network with every activation, and train with it from several seeds.

    Args:
        data: images to train and to test with.
        params: the stage's parameters.

    Returns:
        The results by network and then by activation.

    Raises:
        UserError: all trainings of a network with an activation diverge.
    """
    make_reproducible(params.seed)
    compared: dict[str, dict[str, Convergence]] = {network: {} for network in NETWORKS}
    for network in NETWORKS:
        for activation in ACTIVATIONS:
            tried: dict[float, Training] = {}
            rate = params.rates[0]
            if len(params.rates) > 1:
                tried = train_together(network, activation, params.rates, tuning_seeds(params), data, params)
                rate = choose_rate(tried)
            training = train_together(network, activation, [rate], reported_seeds(params), data, params)[rate]
            if training.last_loss() == np.inf:
                raise UserError(
                    f"activations.rates: the training of {network} with {activation} diverged at {rate:g}, the best of "
                    f"{len(params.rates)} learning rates; add smaller ones"
                )
            accuracies = measure_accuracies(training.weights, activation, data)
            compared[network][activation] = Convergence(rate, training, accuracies, tried)
            print(
                f"{network} with {activation}: learning rate {rate:g}, iterations {training.iterations}, "
                f"test accuracy {np.mean(accuracies):.3f}",
                flush=True,
            )
    return compared


def choose_rate(tried: Mapping[float, Training]) -> float:
    """Choose the learning rate whose slowest network converges first.

    If no rate makes all of its networks converge, the rate with the most converged networks wins. If these are equally
    many, the lowest training loss decides.

    Args:
        tried: by learning rate: its networks, all trained for the same number of epochs.
    """

    def rank(rate: float) -> tuple[float, int, float]:
        training = tried[rate]
        converged = training.converged()
        slowest = max(converged) if len(converged) == len(training.iterations) else np.inf
        return slowest, -len(converged), training.last_loss()

    return min(tried, key=rank)


def train_together(
    network: str, activation: str, rates: Sequence[float], seeds: Sequence[int], data: Digits, params: Activations
) -> dict[float, Training]:
    """Train a network with plain SGD for each pair of a learning rate and a seed, all at the same time.

    A network has converged when the mean loss of its last batches, as many as an epoch has, is low enough. It stops
    learning at the end of that epoch. All training stops when the networks of one learning rate have all converged, or
    when activations.max_epochs are over.

    Args:
        network: "mlp" or "convnet".
        activation: "sigmoid" or "relu".
        rates: the learning rates.
        seeds: a seed decides the initial weights and the orders of the images.
        data: images to train with.
        params: the stage's parameters.

    Returns:
        The networks of all seeds, by learning rate.
    """
    side, count = data.X_train.shape[1], len(data.X_train)
    drawn = [initial_weights(network, side, params.hidden, params.initialisation, seed) for seed in seeds]
    weights = [tf.constant(np.concatenate(layer * len(rates))) for layer in zip(*drawn, strict=True)]
    batch, steps = min(params.batch_size, count), steps_per_epoch(data, params)
    orders = [np.random.default_rng([seed, 1]) for seed in seeds]  # initial_weights uses the plain seed
    rate_of = np.repeat(np.asarray(rates, np.float32), len(seeds))[:, None, None]
    X, y = tf.constant(data.X_train), tf.constant(data.y_train)
    iterations = np.zeros(len(rate_of), int)  # 0: not converged
    losses = np.zeros((len(rate_of), 0), np.float32)
    for _ in range(params.max_epochs):
        drawn_order = np.stack([order.permutation(count)[: steps * batch].reshape(steps, batch) for order in orders])
        order = np.tile(drawn_order, (len(rates), 1, 1))
        active = tf.constant(np.where(iterations[:, None, None], np.float32(0), rate_of))
        epoch = []
        for step in range(steps):
            weights, loss = _train_step(weights, activation, active, X, y, tf.constant(order[:, step]))
            epoch.append(loss)
        losses = np.concatenate([losses, np.stack(epoch, axis=1)], axis=1)
        iterations = np.where(iterations, iterations, first_low_mean(losses, steps, params.loss))
        if iterations.reshape(len(rates), len(seeds)).all(axis=1).any():
            break
    means = losses.reshape(len(losses), -1, steps).mean(axis=2, dtype=float)
    trained = {}
    for number, rate in enumerate(rates):
        mine = slice(number * len(seeds), (number + 1) * len(seeds))
        counts = [int(found) or None for found in iterations[mine]]
        epochs = [None if found is None else -(-found // steps) for found in counts]
        curves = [curve[:end] for curve, end in zip(means[mine].tolist(), epochs, strict=True)]
        trained[rate] = Training(counts, curves, [layer[mine] for layer in weights])
    return trained


def first_low_mean(losses: np.ndarray, window: int, target: float) -> np.ndarray:
    """Find when the moving mean of a loss first is at or below a target.

    Args:
        losses: of each step, float, (networks, steps).
        window: number of steps to average over.
        target: the loss to reach.

    Returns:
        Steps until then, int, (networks,); 0 if the mean never is that low.
    """
    sums = np.cumsum(losses, axis=1, dtype=float)
    with np.errstate(invalid="ignore"):  # a training that diverges has infinite losses
        sums[:, window:] -= sums[:, :-window].copy()
    low = sums[:, window - 1 :] <= target * window
    return np.where(low.any(axis=1), low.argmax(axis=1) + window, 0)


def measure_accuracies(weights: Sequence[Any], activation: str, data: Digits) -> list[float]:
    """Measure the test accuracy of each network of a stack.

    Args:
        weights: of the networks, as a stack.
        activation: of the networks.
        data: images to test with.

    Returns:
        Accuracies, 0 to 1.
    """
    networks = weights[0].shape[0]
    right = np.zeros(networks, int)
    for start in range(0, len(data.X_test), TEST_BATCH):
        X = data.X_test[start : start + TEST_BATCH]
        logits = compute_logits(weights, activation, tf.constant(np.broadcast_to(X, (networks, *X.shape))))
        right += (np.argmax(logits, axis=2) == data.y_test[start : start + TEST_BATCH]).sum(axis=1)
    return (right / len(data.X_test)).tolist()


@tf.function(jit_compile=True)  # XLA makes a step three times as fast
def _train_step(weights: list[Any], activation: str, rates: Any, X: Any, y: Any, images: Any) -> tuple[list[Any], Any]:
    """Make one step of SGD with each network of a stack.

    Args:
        weights: of M networks.
        activation: of the networks.
        rates: learning rate of each network, float32, (M, 1, 1); 0 keeps its weights.
        X: all training images.
        y: their digits.
        images: positions of the images of this batch, int, (M, n).

    Returns:
        The new weights, and the mean loss of each network before the step, float32, (M,).
    """
    with tf.GradientTape() as tape:
        tape.watch(weights)
        logits = compute_logits(weights, activation, tf.gather(X, images))
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(tf.gather(y, images), logits), axis=1)
    gradients = tape.gradient(loss, weights)
    return [layer - rates * gradient for layer, gradient in zip(weights, gradients, strict=True)], loss
