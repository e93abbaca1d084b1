"""The training loop for Keras models that learn from images."""

import math
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from eurosat_transfer.errors import UserError
from eurosat_transfer.io.csv_files import write_csv
from eurosat_transfer.models.checkpoints import Checkpoint
from eurosat_transfer.tensorflow_setup import epoch_lines, keras, keras_verbosity, tf, without_autotuning

HISTORY_COLUMNS = ("epoch", "loss", "accuracy", "val_loss", "val_accuracy")
READ_AHEAD = 2  # batches

# number of the epoch and number of the image, both int64, () -> image and label
LoadImage = Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]


def shuffled_epochs(count: int, batch_size: int, epochs: int, seed: int) -> np.ndarray:
    """Draw the order of the images for every epoch, without replacement.

    The order of an epoch depends on the seed and the number of the epoch only, so that a resumed training continues
    with the same order.

    If there is at least one full batch, an epoch has full batches only. A final batch of one image would have no
    variance for batch normalisation to divide by.

    Args:
        count: number of images.
        batch_size: images per batch.
        epochs: number of epochs.
        seed: of the orders.

    Returns:
        int64, (epochs, images per epoch): numbers of images, each below count.
    """
    used = count // batch_size * batch_size or count
    return np.stack([np.random.default_rng([seed, epoch]).permutation(count)[:used] for epoch in range(epochs)])


def stream_training_batches(
    order: np.ndarray, batch_size: int, load: LoadImage, epochs_done: int = 0
) -> tf.data.Dataset:
    """Stream images in a given order, in batches.

    Args:
        order: int64, (epochs, images per epoch), numbers of images.
        batch_size: images per batch.
        load: loads one image.
        epochs_done: number of epochs at the beginning of the order to skip.

    Returns:
        Batches of images and labels, as load returns them.
    """
    epochs = np.repeat(np.arange(epochs_done, len(order)), order.shape[1])
    data = tf.data.Dataset.from_tensor_slices((epochs, order[epochs_done:].ravel()))
    data = data.map(load, num_parallel_calls=os.cpu_count()).batch(batch_size).prefetch(READ_AHEAD)
    return without_autotuning(data)


def accuracy_metric() -> keras.metrics.Metric:
    """Create Keras' accuracy for integer labels.

    Keras would build a metric that is given by its name during the first training step, which makes that step slower.
    """
    return keras.metrics.SparseCategoricalAccuracy("accuracy")


def fit(
    model: keras.Model,
    order: np.ndarray,
    batch_size: int,
    load: LoadImage,
    validation: tf.data.Dataset | None,
    checkpoint: Path,
) -> keras.callbacks.History:
    """Fit a compiled model in place. A training that was killed resumes after its last complete epoch.

    Args:
        model: compiled, with accuracy_metric.
        order: int64, (epochs, images per epoch), as shuffled_epochs draws it.
        batch_size: images per batch.
        load: loads one image.
        validation: batches to evaluate after each epoch, or None.
        checkpoint: file of the state after the last complete epoch. If it exists, training resumes there.

    Returns:
        Keras' History of all epochs, also of those before the resume.

    Raises:
        UserError: a loss is NaN or infinite.
    """
    history, epochs = Checkpoint(checkpoint), len(order)
    done = history.restore(model)
    if done < epochs:
        if done:
            print(f"resuming at epoch {done + 1} of {epochs}", flush=True)
        model.fit(
            stream_training_batches(order, batch_size, load, done),
            epochs=epochs,
            initial_epoch=done,
            steps_per_epoch=-(-order.shape[1] // batch_size),
            validation_data=validation,
            callbacks=[history, *epoch_lines()],  # a line means that the checkpoint is written
            verbose=keras_verbosity(),
            shuffle=False,
        )
    check_convergence(history)
    return history


def check_convergence(history: keras.callbacks.History) -> None:
    """Check that training has not diverged.

    Args:
        history: of the training. It contains loss, and also val_loss if the model was validated.

    Raises:
        UserError: a loss is NaN or infinite.
    """
    for name in ("loss", "val_loss"):
        for epoch, loss in enumerate(history.history.get(name, []), 1):
            if not math.isfinite(loss):
                raise UserError(
                    f"training diverged: {name} is {loss} after epoch {epoch}; set a smaller learning rate (lr)"
                )


def write_history(path: str, history: keras.callbacks.History) -> None:
    """Write the learning curve of a training as CSV: epoch, loss, accuracy, val_loss and val_accuracy.

    Args:
        path: of the file. It gets one row per epoch, and the first epoch is 1.
        history: of a training with validation.

    Raises:
        UserError: a loss is NaN or infinite.
    """
    check_convergence(history)
    columns = [history.history[name] for name in HISTORY_COLUMNS[1:]]
    write_csv(path, HISTORY_COLUMNS, zip(range(1, len(columns[0]) + 1), *columns, strict=True))
