"""How fast the fine-tuning of the stage finetune is.

    python -m benchmarks.tuning real|repeated PRECISION NETWORK STEPS EPOCHS

PRECISION is that of finetune.precision. NETWORK is the content of data/backbone/network.json. The weights are random.
`repeated` uses the first batch again and again, so that no further image is read, decoded or augmented.
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


def set_up(kind: str, precision: str, network: dict, steps: int, epochs: int) -> tuple[Answer, Callable[[], Answer]]:
    """Prepare the training, and return a function that measures once: {"rate": steps per second}."""
    from benchmarks.extraction import CLASSES, drawn_jpeg
    from eurosat_transfer.data.selection import EncodedTiles
    from eurosat_transfer.models import finetuning, training
    from eurosat_transfer.networks.backbones import build_backbone, save_backbone
    from eurosat_transfer.parameters.finetune import Finetune
    from eurosat_transfer.parameters.loading import load_section
    from eurosat_transfer.precision import usable_precision
    from eurosat_transfer.tensorflow_setup import keras, make_reproducible

    params = load_section(Finetune, REPOSITORY / "params.yaml")
    if usable_precision(precision) != precision:
        raise RuntimeError(f"this processor has no {precision}")
    params = params.model_copy(update={"head_epochs": 0, "epochs": 1 + epochs, "precision": precision})
    count = steps * params.batch_size
    images = [drawn_jpeg(number) for number in range(count)]
    tiles = EncodedTiles(np.array(images, object), np.arange(count) % len(CLASSES))
    temporary = tempfile.TemporaryDirectory()
    folder = Path(temporary.name)
    os.chdir(folder)
    make_reproducible(0)
    save_backbone(Path("data/backbone"), build_backbone(**network), **network)
    stream, fit = training.stream_training_batches, keras.Model.fit

    def repeated(*arguments):
        return stream(*arguments).take(1).cache().repeat()

    class Clock(keras.callbacks.Callback):
        """Measures the seconds per step of each epoch but the first, from the end of its first step."""

        def on_epoch_begin(self, epoch, logs=None):  # noqa: ARG002, the signature is Keras'
            """Forget the steps of the previous epoch."""
            self.ends = []

        def on_train_batch_end(self, batch, logs=None):  # noqa: ARG002
            """Record the end of a step."""
            self.ends.append(time.perf_counter())

        def on_epoch_end(self, epoch, logs=None):  # noqa: ARG002
            """Record the seconds per step."""
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
            patch.object(training, "stream_training_batches", repeated if kind == "repeated" else stream),
        ):
            finetuning.finetune(tiles, None, len(CLASSES), True, params, folder / "checkpoint.npz")
        return {"rate": 1 / float(np.mean(seconds))}

    atexit.register(temporary.cleanup)
    return {}, measure


if __name__ == "__main__":
    serve(lambda: set_up(*sys.argv[1:3], json.loads(sys.argv[3]), *map(int, sys.argv[4:])))
