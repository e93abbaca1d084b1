"""Fine-tuning as the stage does it, timed: a contender like the others.

    python -m benchmarks.tuning real|repeated NETWORK STEPS EPOCHS

NETWORK is what the backbone stage writes of it, as JSON; its weights are random. `repeated` has the first batch instead
of every further one, so that nothing is read, decoded or turned any more.
"""

import atexit
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import numpy as np

from benchmarks.rounds import REPOSITORY, Answer, serve


def set_up(kind: str, network: dict, steps: int, epochs: int) -> tuple[Answer, Callable[[], Answer]]:
    """Give the measurement: {"rate"}, steps a second."""
    from benchmarks.extraction import CLASSES, drawn
    from stages import finetune
    from stages.common import backbones, training
    from stages.common.params import load_params
    from stages.common.tensorflow import keras, reproducible

    params = load_params(REPOSITORY / "params.yaml").finetune
    params = params.model_copy(update={"head_epochs": 0, "epochs": 1 + epochs})
    count = steps * params.batch_size
    images = [drawn(number) for number in range(count)]
    tiles = {"train": finetune.Tiles(np.array(images, object), np.arange(count) % len(CLASSES))}
    temporary = tempfile.TemporaryDirectory()
    folder = Path(temporary.name)
    os.chdir(folder)
    reproducible(0)
    backbones.save(Path("data/backbone"), backbones.build(**network), **network)
    stream, fit = training.stream, keras.Model.fit

    def repeated(*arguments):
        return stream(*arguments).take(1).cache().repeat()

    class Clock(keras.callbacks.Callback):
        """Counts seconds from the first step's end to the last one's in each epoch but the first."""

        def on_epoch_begin(self, epoch, logs=None):  # noqa: ARG002, Keras passes them
            self.ends = []

        def on_train_batch_end(self, batch, logs=None):  # noqa: ARG002
            self.ends.append(time.perf_counter())

        def on_epoch_end(self, epoch, logs=None):  # noqa: ARG002
            if epoch:
                seconds.append((self.ends[-1] - self.ends[0]) / (len(self.ends) - 1))

    seconds = []

    def measure() -> Answer:
        seconds.clear()
        for checkpoint in folder.glob("*.npz"):
            checkpoint.unlink()

        def timed_fit(model, *arguments, callbacks, **options):
            return fit(model, *arguments, callbacks=[*callbacks, Clock()], **options)

        with (
            patch.object(keras.Model, "fit", timed_fit),
            patch.object(training, "stream", repeated if kind == "repeated" else stream),
        ):
            finetune.tune(tiles, len(CLASSES), True, params, folder / "checkpoint.npz")
        return {"rate": 1 / float(np.mean(seconds))}

    atexit.register(temporary.cleanup)
    return {}, measure


if __name__ == "__main__":
    serve(lambda: set_up(sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
