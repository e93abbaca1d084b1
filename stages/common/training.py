"""What is the same wherever a Keras model is trained."""

import hashlib
import json
import math
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from stages.common.files import read_arrays, write_arrays, write_csv
from stages.common.intact import inputs_of, md5
from stages.common.stage import UserError
from stages.common.tensorflow import keras, progress, tf, untuned

CHECKPOINTS = Path("data/checkpoints")  # no output: DVC would delete it before the stage goes on
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


def stream(order: np.ndarray, batch_size: int, load: Callable, done: int = 0) -> tf.data.Dataset:
    """Read images in the given order, in batches.

    Args:
        order: int64, (epochs, images an epoch).
        load: (place in the whole order, image's number) -> (image, label); both int64 scalar tensors.
        done: epochs to leave out.
    """
    start = done * order.shape[1]
    data = tf.data.Dataset.from_tensor_slices((np.arange(start, order.size), order.ravel()[start:]))
    return untuned(data.map(load, num_parallel_calls=os.cpu_count()).batch(batch_size).prefetch(2))


def rate_schedule(lr: float, steps: int, warmup: int, cosine: bool) -> keras.optimizers.schedules.LearningRateSchedule:
    """Learning rate by step: a linear rise over warmup steps, then level, or down to 0 along a cosine."""
    level = 0.0 if cosine else 1.0
    if not warmup:
        return keras.optimizers.schedules.CosineDecay(lr, steps, level)
    return keras.optimizers.schedules.CosineDecay(0.0, steps - warmup, level, warmup_target=lr, warmup_steps=warmup)


def accuracy() -> keras.metrics.Metric:
    """Keras' own for labels, ready: it would else make its variables in the first step, and have it traced twice."""
    return keras.metrics.SparseCategoricalAccuracy("accuracy")


class Checkpoint(keras.callbacks.History):
    """Keras' History, kept in a file after each epoch together with the state of the model and of its optimizer.

    Keras' own BackupAndRestore keeps no learning curve, and overwrites its two files in place: killed while it does, it
    leaves half a file, or the weights of one epoch beside the number of another.
    """

    def __init__(self, path: Path):
        super().__init__()
        self.path = path

    def restore(self, model: keras.Model) -> int:
        """Give a compiled model the state that the file holds, to the bit.

        Returns:
            How many epochs that is; 0 where there is no file, or a damaged one (an .npz has a checksum of each array).
        """
        self.set_model(model)
        model.optimizer.build(model.trainable_variables)
        variables = self._variables()
        try:
            history, *values = read_arrays(self.path, "history", *variables)
        except UserError:
            return 0
        for variable, value in zip(variables.values(), values, strict=True):
            variable.assign(value)
        self.history = json.loads(str(history))
        return len(self.history["loss"])

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Add the epoch to the history, and write the file anew, whole or not at all."""
        super().on_epoch_end(epoch, logs)
        values = {name: variable.numpy() for name, variable in self._variables().items()}
        write_arrays(self.path, history=np.array(json.dumps(self.history)), **values)

    def _variables(self) -> dict[str, keras.Variable]:
        everything = self.model.variables + self.model.optimizer.variables  # with the random state of each dropout
        return {f"variable_{number}": variable for number, variable in enumerate(everything)}


@contextmanager
def checkpoints(stage: str, *settings: object) -> Iterator[Path]:
    """Give the folder for the checkpoints of one training and no other; delete it when the block ends well.

    Named by a digest of all that the training comes from: what dvc.yaml has the stage read, code and data, the
    libraries' versions, and the settings.
    """
    read = {str(path): md5(path) for path in sorted(inputs_of(stage))}
    versions = [library.__version__ for library in (np, tf, keras)]
    digest = hashlib.md5(json.dumps([read, versions, settings]).encode()).hexdigest()
    folder = CHECKPOINTS / f"{stage}-{digest}"
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def fit(
    model: keras.Model,
    order: np.ndarray,
    batch_size: int,
    load: Callable,
    watched: tf.data.Dataset | None,
    checkpoint: Path,
) -> keras.callbacks.History:
    """Fit a compiled model, in place, to a stream of images; go on where a killed run of the same left off.

    Args:
        order, batch_size, load: as of stream.
        watched: batches to validate on after each epoch.
        checkpoint: file of the state after the last whole epoch.

    Raises:
        UserError: the loss is no finite number any more.
    """
    history, epochs = Checkpoint(checkpoint), len(order)
    done = history.restore(model)
    if done < epochs:
        if done:
            print(f"resuming at epoch {done + 1} of {epochs}", flush=True)
        model.fit(
            stream(order, batch_size, load, done),
            epochs=epochs,
            initial_epoch=done,
            steps_per_epoch=-(-order.shape[1] // batch_size),
            validation_data=watched,
            callbacks=[history],
            verbose=progress(),
            shuffle=False,
        )
    refuse_divergence(history)
    return history


def refuse_divergence(history: keras.callbacks.History) -> None:
    """Raise UserError if a fit's loss is no finite number any more."""
    losses = history.history["loss"] + history.history.get("val_loss", [])
    if not all(map(math.isfinite, losses)):
        raise UserError(f"training diverged: its loss became {history.history['loss'][-1]}; a smaller lr would help")


def write_history(path: str, history: keras.callbacks.History) -> None:
    """Write the learning curve of a fit as CSV, one row an epoch (from 1).

    Raises:
        UserError: the loss is no finite number any more.
    """
    refuse_divergence(history)
    columns = [history.history[name] for name in HISTORY[1:]]
    write_csv(path, HISTORY, zip(range(1, len(columns[0]) + 1), *columns, strict=True))
