"""Checkpoints: the state of a training after each epoch, from which a killed run resumes to the same bits."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from eurosat_transfer.errors import UserError
from eurosat_transfer.io.npz import read_npz, write_npz
from eurosat_transfer.tensorflow_setup import keras, tf

CHECKPOINTS = Path("data/checkpoints")  # no output of a stage: DVC would delete it before the stage can resume


class Checkpoint(keras.callbacks.History):
    """Keras' History, saved after each epoch together with the state of the model and its optimizer.

    Keras' BackupAndRestore saves no learning curve. It also overwrites two files in place, so that a kill can leave
    half a file, or the weights of one epoch beside the number of another.

    Source: https://keras.io/api/callbacks/backup_and_restore/
    """

    def __init__(self, path: Path):
        """Set the file.

        Args:
            path: of an .npz file, which need not exist yet.
        """
        super().__init__()
        self.path = path

    def restore(self, model: keras.Model) -> int:
        """Restore the saved state of a model and its optimizer in place, bit for bit.

        Args:
            model: compiled, and built like the model that was saved.

        Returns:
            The number of epochs that the saved state had been trained for. It is 0, and the model is unchanged, if the
            file is missing or damaged: an .npz file has a checksum for each array.
        """
        self.set_model(model)
        model.optimizer.build(model.trainable_variables)
        variables = self._variables()
        try:
            history, *values = read_npz(self.path, "history", *variables)
        except UserError:
            return 0
        for variable, value in zip(variables.values(), values, strict=True):
            variable.assign(value)
        self.history = json.loads(str(history))
        return len(self.history["loss"])

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Add the epoch to the history, and replace the file atomically."""
        super().on_epoch_end(epoch, logs)
        values = {name: variable.numpy() for name, variable in self._variables().items()}
        write_npz(self.path, {"history": np.array(json.dumps(self.history)), **values})

    def _variables(self) -> dict[str, keras.Variable]:
        everything = self.model.variables + self.model.optimizer.variables  # includes the random state of each dropout
        return {f"variable_{number}": variable for number, variable in enumerate(everything)}


@contextmanager
def checkpoint_folder(stage: str, inputs: str, *settings: Any) -> Iterator[Path]:
    """Choose a folder for the checkpoints of exactly one training.

    When the block succeeds, all checkpoints of the stage are deleted: also those of interrupted runs with other
    parameters, which may never run again. Until then such a run can be resumed. A stage runs in one process at a time.

    Args:
        stage: name of the stage.
        inputs: a digest of everything that the stage reads, code and data.
        settings: the parameters that the training depends on; JSON values.

    Yields:
        The folder, which need not exist. Its name contains a digest of the inputs, the settings and the versions of the
        libraries, so that a run with other settings finds no checkpoint.
    """
    versions = [library.__version__ for library in (np, tf, keras)]
    digest = hashlib.md5(json.dumps([inputs, versions, settings]).encode()).hexdigest()
    folder = CHECKPOINTS / f"{stage}-{digest}"
    yield folder
    for of_stage in CHECKPOINTS.glob(f"{stage}-*"):
        shutil.rmtree(of_stage, ignore_errors=True)
