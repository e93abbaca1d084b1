"""What is the same wherever a Keras model is trained."""

import math
from collections.abc import Callable

import numpy as np

from stages.common.files import write_csv
from stages.common.stage import UserError
from stages.common.tensorflow import keras, tf

HISTORY = ("epoch", "loss", "accuracy", "val_loss", "val_accuracy")


def shuffled_epochs(count: int, batch_size: int, epochs: int, seed: int) -> np.ndarray:
    """Draw the order of the images for every epoch.

    Whole batches only, where there is one: a last one of a single image would have no variance for batch
    normalisation to divide by.

    Returns:
        int64, (epochs, images an epoch): each row drawn without replacement, from the seed and the epoch alone.
    """
    used = count // batch_size * batch_size or count
    return np.stack([np.random.default_rng([seed, epoch]).permutation(count)[:used] for epoch in range(epochs)])


def stream(order: np.ndarray, batch_size: int, load: Callable) -> tf.data.Dataset:
    """Read images in the given order, in batches.

    Args:
        order: int64, (epochs, images an epoch).
        load: (place in the whole order, image's number) -> (image, label); both int64 scalar tensors.
    """
    data = tf.data.Dataset.from_tensor_slices((np.arange(order.size), order.ravel()))
    return data.map(load, num_parallel_calls=tf.data.AUTOTUNE).batch(batch_size).prefetch(2)


def rate_schedule(lr: float, steps: int, warmup: int, cosine: bool) -> keras.optimizers.schedules.LearningRateSchedule:
    """Learning rate by step: a linear rise over warmup steps, then level, or down to 0 along a cosine."""
    level = 0.0 if cosine else 1.0
    if not warmup:
        return keras.optimizers.schedules.CosineDecay(lr, steps, level)
    return keras.optimizers.schedules.CosineDecay(0.0, steps - warmup, level, warmup_target=lr, warmup_steps=warmup)


def write_history(path: str, history: keras.callbacks.History) -> None:
    """Write the learning curve of a fit as CSV, one row an epoch (from 1).

    Raises:
        UserError: the loss is no finite number any more.
    """
    columns = [history.history[name] for name in HISTORY[1:]]
    if not all(map(math.isfinite, columns[0] + columns[2])):
        raise UserError(f"training diverged: its loss became {columns[0][-1]}; a smaller lr would help")
    write_csv(path, HISTORY, zip(range(1, len(columns[0]) + 1), *columns, strict=True))
