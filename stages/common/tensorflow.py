"""TensorFlow, set up the same way in every stage that needs it: quiet, and the same bits on every run."""

import gc
import os
import sys

from stages.common.later import run_later

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")  # another run may want some of a GPU too
# Its C++ libraries greet on standard error before any log level holds. A failing import still raises.
_stderr = os.dup(2)
_null = os.open(os.devnull, os.O_WRONLY)
os.dup2(_null, 2)
# Two thirds of the seconds that its import takes: names for all that it has, looking again and again through a million
# objects that all stay, and what Keras tries to import for wrappers and galleries that nothing here uses.
run_later("tensorflow._api.v2.", "tensorflow.python.ops.gen_")
_collects = gc.isenabled()
gc.disable()
_unused = {"sklearn", "matplotlib"} - sys.modules.keys()
sys.modules.update(dict.fromkeys(_unused))  # None: not there
try:
    import keras
    import tensorflow as tf
    from tqdm.keras import TqdmCallback
finally:
    for _name in _unused:
        del sys.modules[_name]
    gc.freeze()
    if _collects:
        gc.enable()
    os.dup2(_stderr, 2)
    os.close(_stderr)
    os.close(_null)

__all__ = ["keras", "progress", "progress_bar", "reproducible", "tf", "untuned"]

THREADS = 2  # that share a sum in training: as many on every machine, since another number gives other bits
tf.config.threading.set_intra_op_parallelism_threads(int(os.environ.get("TF_NUM_INTRAOP_THREADS", THREADS)))

# A GPU would round what it multiplies: an H200's features were off by .0005 of the largest, without it by .0000005.
tf.config.experimental.enable_tensor_float_32_execution(False)

tf.get_logger().setLevel("ERROR")  # TFDS calls TensorFlow by names that are about to go, and is told so each time


def reproducible(seed: int) -> None:
    """Seed Python, NumPy and TensorFlow, and have every operation give the same bits on every run."""
    keras.utils.clear_session()  # layers are numbered by process, and their names are written with the weights
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


def untuned(data: tf.data.Dataset) -> tf.data.Dataset:
    """Leave out tf.data's tuner: its thread may take seconds to end, and what is mapped here has no need of it."""
    options = tf.data.Options()
    options.autotune.enabled = False
    return data.with_options(options)


def progress() -> int:
    """Keras' verbose: a bar on a terminal, a line an epoch in a pipe or file."""
    return 1 if sys.stdout.isatty() else 2


def progress_bar() -> keras.callbacks.Callback:
    """One bar over all the epochs of a long fit, for verbose=0; nothing in a pipe or file."""
    return TqdmCallback(verbose=0, mininterval=1, disable=None)
