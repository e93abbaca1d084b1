"""The import of TensorFlow. Most tests replace TensorFlow and Keras by small modules that load at once."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import REPOSITORY, run
from hostile_home import KERAS_JSON, write_hostile_home

from eurosat_transfer import tensorflow_setup
from eurosat_transfer.tensorflow_setup import keras, make_reproducible, tf, without_autotuning

GREETING = "a library says hello"
KERAS = f"""
import os
from types import SimpleNamespace
os.write(2, b"{GREETING}\\n")
callbacks = SimpleNamespace(Callback=object)
config = SimpleNamespace(set_floatx=id, set_epsilon=id, set_image_data_format=id)
missing = []
for name in ("sklearn", "matplotlib"):
    try:
        __import__(name)
    except ImportError:
        missing.append(name)
"""
TENSORFLOW = """
import gc, sys
from unittest.mock import MagicMock
sys.modules[__name__] = MagicMock(collects=gc.isenabled())
"""
IMPORT = "from eurosat_transfer.tensorflow_setup import keras, tf\n"


@pytest.fixture
def fakes(tmp_path) -> Path:
    """A folder with modules that take the place of the real ones."""
    modules = {"keras": KERAS, "tensorflow": TENSORFLOW, "sklearn": "", "matplotlib": ""}
    for name, content in modules.items():
        (tmp_path / f"{name}.py").write_text(content)
    return tmp_path


def python(program: str, fakes: Path, *options: str, **variables: str) -> subprocess.CompletedProcess:
    variables = {"EUROSAT_TRANSFER_VERBOSE": "", "PYTHONFAULTHANDLER": "", "PYTHONPATH": str(fakes)} | variables
    return run(sys.executable, *options, "-c", program, cwd=REPOSITORY, **variables)


def test_messages_of_the_libraries_are_hidden(fakes):
    result = python(f"{IMPORT}import os\nos.write(2, b'after')", fakes)
    assert (result.returncode, result.stderr) == (0, "after")


def test_messages_of_the_libraries_are_shown_on_request(fakes):
    result = python(IMPORT, fakes, EUROSAT_TRANSFER_VERBOSE="1")
    assert (result.returncode, result.stderr) == (0, f"{GREETING}\n")


def test_messages_of_the_libraries_are_shown_if_the_import_fails(fakes):
    (fakes / "keras.py").write_text(f"{KERAS}raise ImportError('Keras is broken')")
    result = python(IMPORT, fakes)
    assert result.returncode == 1
    assert result.stderr.startswith(f"{GREETING}\nTraceback")
    assert result.stderr.endswith("ImportError: Keras is broken\n")


@pytest.mark.parametrize("options", [[], ["-X", "faulthandler"]], ids=["plain", "faulthandler"])
@pytest.mark.parametrize(
    ("crash", "number", "message"),
    [("ctypes.string_at(0)", signal.SIGSEGV, "Segmentation fault"), ("os.abort()", signal.SIGABRT, "Aborted")],
    ids=["segfault", "abort"],
)
def test_a_crash_during_the_import_prints_the_stack(fakes, crash, number, message, options):
    (fakes / "tensorflow.py").write_text(f"import ctypes, os\n{crash}\n")
    result = python(IMPORT, fakes, *options)
    assert result.returncode == -number
    assert f"Fatal Python error: {message}" in result.stderr
    assert f'File "{fakes}/tensorflow.py", line 2' in result.stderr


@pytest.mark.parametrize("was_enabled", [True, False])
def test_faulthandler_is_restored_after_the_import(fakes, was_enabled):
    crash = "import ctypes, faulthandler\nprint(faulthandler.is_enabled(), flush=True)\nctypes.string_at(0)"
    result = python(f"{IMPORT}{crash}", fakes, PYTHONFAULTHANDLER="1" if was_enabled else "")
    assert result.stdout == f"{was_enabled}\n"
    assert ("Fatal Python error: Segmentation fault" in result.stderr) == was_enabled


def test_a_process_without_standard_error_can_import(fakes):
    (fakes / "keras.py").write_text("\n".join(line for line in KERAS.splitlines() if "os.write" not in line))
    close = "import os, sys\nos.close(2)\nos.execv(sys.executable, [sys.executable, '-c', sys.argv[1]])"
    variables = {"EUROSAT_TRANSFER_VERBOSE": "", "PYTHONPATH": str(fakes)}
    assert run(sys.executable, "-c", close, f"{IMPORT}print(1)", cwd=REPOSITORY, **variables).stdout == "1\n"


def test_optional_packages_are_missing_during_the_import_only(fakes):
    program = f"{IMPORT}import sklearn, matplotlib\nprint(keras.missing, sklearn.__name__, matplotlib.__name__)"
    assert python(program, fakes).stdout == "['sklearn', 'matplotlib'] sklearn matplotlib\n"


def test_optional_packages_imported_earlier_stay_imported(fakes):
    before = "import sklearn, matplotlib, sys\nsklearn.mark = 1\n"
    after = "print(keras.missing, sys.modules['sklearn'].mark, sys.modules['matplotlib'] is matplotlib)"
    assert python(before + IMPORT + after, fakes).stdout == "[] 1 True\n"


@pytest.mark.parametrize("before", ["enable", "disable"])
def test_garbage_collection_pauses_during_the_import(fakes, before):
    program = f"import gc\ngc.{before}()\n{IMPORT}print(tf.collects, gc.isenabled())"
    assert python(program, fakes).stdout == f"False {before == 'enable'}\n"


def test_everything_is_restored_if_the_import_fails(fakes):
    (fakes / "tensorflow.py").write_text("raise ImportError")
    program = f"""
import gc, os
try:
    {IMPORT}
except ImportError:
    os.write(2, b"after")
import matplotlib, sklearn
print(gc.isenabled(), matplotlib.__name__, sklearn.__name__)
"""
    result = python(program, fakes)
    assert result.stdout == "True matplotlib sklearn\n"
    assert result.stderr == f"{GREETING}\nafter"


@pytest.mark.slow
@pytest.mark.parametrize("before", ["", "import matplotlib.pyplot, sklearn.svm\n"], ids=["first", "later"])
def test_the_real_tensorflow_loads_quietly(before, tmp_path):
    after = """
import gc, sys
import matplotlib.pyplot, sklearn.svm
print(gc.isenabled(), sklearn.svm.SVC().fit([[0], [1]], [0, 1]).predict([[1]]), keras.__name__, tf.__name__)
"""
    result = python(before + IMPORT + after, tmp_path)
    assert result.stdout == "True [1] keras tensorflow\n"
    assert result.stderr == ""


@pytest.mark.slow
def test_keras_json_in_the_home_folder_changes_nothing(tmp_path):
    print_settings = "c = keras.config\nprint(c.backend(), c.floatx(), c.epsilon(), c.image_data_format())"
    write_hostile_home(tmp_path)
    (tmp_path / ".keras/keras.json").write_text(json.dumps(KERAS_JSON | {"nnx_enabled": True}))
    variables = {"HOME": str(tmp_path), "KERAS_HOME": str(tmp_path / ".keras"), "KERAS_BACKEND": "torch"}
    result = python(IMPORT + print_settings, tmp_path, **variables)
    assert result.stdout == "tensorflow float32 1e-07 channels_last\n", result.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "reason"),
    [('{"floatx": "bfloat16"}', "Invalid `floatx`"), ('{"epsilon": 1}', "Invalid `epsilon`"), ("[]", "no attribute")],
)
def test_keras_json_that_keras_cannot_read_is_named(tmp_path, content, reason):
    (tmp_path / "keras.json").write_text(content)
    result = python(IMPORT, tmp_path / "no fakes", KERAS_HOME=str(tmp_path))
    assert result.returncode == 1
    *_, line = result.stderr.splitlines()
    assert line.startswith(f"error: Keras cannot read {tmp_path}/keras.json: ")
    assert reason in line
    assert line.endswith("This project does not need the file; move it")
    assert "Traceback" not in result.stderr


def test_training_uses_two_threads_and_no_tensorfloat():
    assert tf.config.threading.get_intra_op_parallelism_threads() == 2
    assert not tf.config.experimental.tensor_float_32_execution_enabled()


def test_training_uses_as_many_threads_as_it_is_told(fakes):
    program = f"{IMPORT}from eurosat_transfer.tensorflow_setup import use_threads\nuse_threads(16)\n"
    calls = "print(tf.config.threading.set_intra_op_parallelism_threads.call_args_list)"
    assert python(program + calls, fakes, TF_NUM_INTRAOP_THREADS="8").stdout == "[call(2), call(16)]\n"


@pytest.mark.slow
def test_the_same_seed_gives_the_same_numbers_and_names():
    def draw(seed: int) -> tuple:
        make_reproducible(seed)
        layer = keras.layers.Dense(3)
        layer.build((None, 2))
        return layer.name, layer.get_weights()[0].tolist(), tf.random.uniform([2]).numpy().tolist(), np.random.rand()  # noqa: NPY002

    assert draw(1) == draw(1)
    for first, second in zip(draw(1)[1:], draw(2)[1:], strict=True):
        assert first != second


def test_operations_are_deterministic():
    """TensorFlow then refuses operations whose result it cannot repeat, such as this one without a seed."""
    make_reproducible(0)
    with pytest.raises(ValueError, match="determinism is enabled"):
        tf.image.sample_distorted_bounding_box([8, 8, 3], [[[0.0, 0.0, 1.0, 1.0]]], seed=0)


def test_data_is_the_same_without_autotuning():
    data = without_autotuning(tf.data.Dataset.range(3))
    assert data.options().autotune.enabled is False
    assert list(data.as_numpy_iterator()) == [0, 1, 2]


@pytest.mark.parametrize("is_terminal", [True, False])
def test_keras_shows_a_progress_bar_on_a_terminal_and_lines_elsewhere(monkeypatch, is_terminal):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: is_terminal)
    assert tensorflow_setup.keras_verbosity() == int(is_terminal)
    assert len(tensorflow_setup.epoch_lines()) == int(not is_terminal)


@pytest.mark.parametrize(
    ("epochs", "printed"),
    [(1, [1]), (4, [1, 2, 3, 4]), (11, [3, 6, 9, 11]), (200, [40, 80, 120, 160, 200])],
)
def test_a_training_prints_five_lines_at_most_in_a_pipe(capfd, epochs, printed):
    model = keras.Sequential([keras.layers.Input([1]), keras.layers.Dense(1, kernel_initializer="zeros")])
    model.compile(keras.optimizers.SGD(1e-30), loss="mse")
    verbosity, callbacks = tensorflow_setup.keras_verbosity(), tensorflow_setup.epoch_lines()
    model.fit(np.ones([4, 1]), np.ones(4), epochs=epochs, verbose=verbosity, callbacks=callbacks)
    assert capfd.readouterr() == ("".join(f"epoch {epoch}/{epochs}: loss 1\n" for epoch in printed), "")
