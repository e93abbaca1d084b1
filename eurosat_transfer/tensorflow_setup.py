"""TensorFlow and Keras, imported and configured in one way for the whole project.

EUROSAT_TRANSFER_VERBOSE   set it to 1 to see everything that TensorFlow prints while it loads.

Every module of the project takes `keras` and `tf` from here, so that neither the order of imports nor a setting of
another project can change a result.
"""

import faulthandler
import gc
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from eurosat_transfer.environment import ONEDNN, TENSORFLOW, remove_variables

TRAINING_THREADS = 2  # another number of threads would round sums differently
KERAS_OPTIONAL = ("sklearn", "matplotlib")  # Keras imports them for wrappers and galleries that the project never uses
MAX_LINES = 5  # of one training, in a pipe or file
VERBOSE = os.environ.get("EUROSAT_TRANSFER_VERBOSE") == "1"


@contextmanager
def _quick_import() -> Iterator[None]:
    """Import TensorFlow in 1.8 s instead of 3.2 s.

    Garbage collection is paused, because it would scan a million new objects that all stay alive. Keras' optional
    imports are marked as missing: a None in sys.modules makes an import fail, and Keras then does without the package.

    Source:
        https://docs.python.org/3/reference/import.html#the-module-cache
        https://github.com/keras-team/keras/blob/master/keras/src/wrappers/sklearn_wrapper.py
    """
    hidden = set(KERAS_OPTIONAL) - sys.modules.keys()
    collects = gc.isenabled()
    gc.disable()
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None is allowed, see the reference
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
        if collects:
            gc.enable()


@contextmanager
def _quiet_import() -> Iterator[None]:
    """Hold back what is written to standard error while TensorFlow loads.

    TensorFlow's libraries print messages there that no log level hides. If the import fails, the text is printed after
    all. If the process crashes, faulthandler prints the Python stack on the real standard error.

    Source:
        https://github.com/tensorflow/tensorflow/issues/100442
    """
    if VERBOSE or sys.stderr is None:  # Python sets it to None if the process has no standard error
        yield
        return
    sys.stderr.flush()
    terminal = os.dup(2)
    was_enabled = faulthandler.is_enabled()
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        faulthandler.enable(terminal)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(terminal, held.read())
            raise
        finally:
            os.dup2(terminal, 2)
            # Python does not tell which file faulthandler had before. It is standard error unless somebody changed it.
            faulthandler.enable(2) if was_enabled else faulthandler.disable()
            os.close(terminal)


@contextmanager
def _named_keras_json() -> Iterator[None]:
    """End the program with one line if Keras cannot read its settings. It reads them before they can be changed.

    Raises:
        SystemExit: keras.json in the home folder has a value that Keras does not allow.
    """
    try:
        yield
    except (ValueError, OSError, AttributeError) as error:
        if not re.search(r"Invalid `\w+` configuration|keras\.json|no attribute 'get'", str(error)):
            raise
        folder = os.environ.get("KERAS_HOME", "~/.keras")
        sys.exit(f"error: Keras cannot read {folder}/keras.json: {error} This project does not need the file; move it")


remove_variables(f"{TENSORFLOW}|{ONEDNN}")
os.environ["KERAS_BACKEND"] = "tensorflow"  # these two take precedence over keras.json
os.environ["KERAS_NNX_ENABLED"] = "0"
if not VERBOSE:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")  # leaves GPU memory to other processes

with _quick_import(), _named_keras_json(), _quiet_import():
    import keras
    import tensorflow as tf

__all__ = ["epoch_lines", "keras", "keras_verbosity", "make_reproducible", "tf", "use_threads", "without_autotuning"]

# Keras has read ~/.keras/keras.json. These are its values without that file.
keras.config.set_floatx("float32")
keras.config.set_epsilon(1e-7)
keras.config.set_image_data_format("channels_last")

tf.config.threading.set_intra_op_parallelism_threads(TRAINING_THREADS)

# TensorFloat-32 rounds the inputs of matrix multiplications on a GPU, so it is disabled. On an H200, the error of the
# features was 5e-4 with TensorFloat-32 and 5e-7 without it, relative to the largest feature.
tf.config.experimental.enable_tensor_float_32_execution(False)

tf.get_logger().setLevel("ERROR")  # TFDS calls deprecated names of TensorFlow, and each call logs a warning


def use_threads(count: int) -> None:
    """Let each operation of TensorFlow use another number of threads. This changes rounding.

    Args:
        count: number of threads.

    Raises:
        RuntimeError: TensorFlow has already computed something with another number.
    """
    tf.config.threading.set_intra_op_parallelism_threads(count)


def make_reproducible(seed: int) -> None:
    """Seed Python, NumPy and TensorFlow, and choose operations that give the same bits on every run.

    Keras' session is cleared first, because Keras numbers the names of layers and saves these names with the weights.

    Args:
        seed: from 0 to 2**32 - 1.

    Raises:
        ValueError: the seed is outside this range.
    """
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


def without_autotuning(data: tf.data.Dataset) -> tf.data.Dataset:
    """Return the same data without tf.data's autotuner, because its thread can take seconds to end.

    Args:
        data: any dataset.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return data.with_options(options)


class EpochLines(keras.callbacks.Callback):
    """Prints how a training proceeds, in at most MAX_LINES lines, so that no log is flooded."""

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Print a line after each epoch, or after each n epochs if there are many."""
        done, epochs = epoch + 1, self.params["epochs"]
        if done % -(-epochs // MAX_LINES) == 0 or done == epochs:
            figures = ", ".join(f"{name} {value:.4g}" for name, value in (logs or {}).items())
            print(f"epoch {done}/{epochs}: {figures}", flush=True)


def keras_verbosity() -> int:
    """Return the value of Keras' argument verbose: 1 on a terminal (a progress bar), else 0, see epoch_lines."""
    return 1 if sys.stdout.isatty() else 0


def epoch_lines() -> list[keras.callbacks.Callback]:
    """Return the callbacks that print lines instead of a progress bar: none on a terminal."""
    return [] if sys.stdout.isatty() else [EpochLines()]
