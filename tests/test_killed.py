"""Killed at a bad moment, the pipeline still ends with the same bytes; kill_campaign.py takes moments at random."""

import functools
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from conftest import REPOSITORY, dvc, environment, run, write_params
from kill_campaign import Repro, finish, wipe
from ruamel.yaml import YAML

from stages.common.stage import alone
from stages.common.tensorflow import keras, reproducible, tf
from stages.common.training import checkpoints, fit, rate_schedule, shuffled_epochs

pytestmark = pytest.mark.xdist_group("reproduced")


def test_killed_while_it_writes_dvc_lock_dvc_needs_git_at_most(reproduced):
    lock = reproduced / "dvc.lock"
    before = lock.read_bytes()
    for kept, needed in ((8, ["git restore dvc.lock"]), (5000, [])):
        lock.write_bytes(before[:kept])
        assert finish(reproduced)[0] == needed
        assert lock.read_bytes() == before


def stages_in(lock: str) -> dict:
    return YAML(typ="safe").load(lock)["stages"]


@pytest.fixture(scope="module")
def uninterrupted(reproduced):
    """A clone in which pretraining and fine-tuning take some epochs, and its dvc.lock after a run left alone."""
    epochs = {
        "backbone.weights": "auto",
        "backbone.pretrain.epochs": 3,
        "finetune.epochs": 4,
        "finetune.warmup_epochs": 1,
    }
    write_params(reproduced, **epochs)
    dvc(reproduced, "repro", "finetune")
    yield reproduced, (reproduced / "dvc.lock").read_text()
    write_params(reproduced)
    run("git", "restore", "dvc.lock", cwd=reproduced)
    dvc(reproduced, "checkout", "--force")


@pytest.mark.parametrize(
    ("stage", "line", "victim"),
    [("backbone", "Epoch 3/3", "stage"), ("finetune", "Epoch 3/4", "both"), ("finetune", "Epoch 3/4", "dvc")],
)
def test_killed_in_mid_training_it_goes_on_to_the_same_bytes(uninterrupted, stage, line, victim):
    folder, lock = uninterrupted
    wipe(folder, lock, [stage], [stage])
    repro = Repro(folder, "finetune")
    repro.wait_for(line)
    assert repro.kill(victim), repro.output()
    if victim != "dvc":  # then the stage's process went on, and may have come further
        assert list(folder.glob(f"data/checkpoints/{stage}-*/*.npz"))
    needed, said = finish(folder, "finetune")
    assert needed == []
    assert "resuming at epoch 3" in said or victim == "dvc"
    assert stages_in((folder / "dvc.lock").read_text()) == stages_in(lock)
    assert not list(folder.glob("data/checkpoints/*"))


def test_a_checkpoint_is_of_one_training_only(world):
    world()
    folders = []
    for settings in ({"lr": 1}, {"lr": 2}, {"lr": 1}):
        with checkpoints("backbone", settings) as folder:
            folder.mkdir(parents=True)
        assert not folder.exists()
        folders.append(folder)
    assert folders[0] == folders[2] != folders[1]
    Path("stages").unlink()
    shutil.copytree(REPOSITORY / "stages", "stages")
    with checkpoints("backbone", {"lr": 1}) as folder:
        assert folder == folders[0]
    Path("stages/common/tilenet.py").write_text("other code")
    with checkpoints("backbone", {"lr": 1}) as folder:
        assert folder not in folders


def network() -> keras.Model:
    """A small network with all that a training changes: weights, moving statistics, a dropout's random state."""
    reproducible(0)
    layers = [keras.Input((3,)), keras.layers.Dense(4), keras.layers.BatchNormalization(), keras.layers.Dropout(0.3)]
    return keras.Sequential([*layers, keras.layers.Dense(2, activation="softmax")])


@functools.cache
def uninterrupted_fit(optimizer: str) -> tuple[list[bytes], dict]:
    with tempfile.TemporaryDirectory() as folder:
        return fitted(optimizer, 4, Path(folder) / "checkpoint.npz")


def fitted(optimizer: str, epochs: int, checkpoint: Path) -> tuple[list[bytes], dict]:
    """State and history of the network after some of four epochs."""
    model, order = network(), shuffled_epochs(40, 8, 4, seed=0)[:epochs]
    rate = rate_schedule(0.05, 20, 5, cosine=True)
    built = {"sgd": keras.optimizers.SGD(rate, momentum=0.9), "adamw": keras.optimizers.AdamW(rate, global_clipnorm=1)}
    model.compile(built[optimizer], "sparse_categorical_crossentropy", metrics=["accuracy"])
    X = tf.random.stateless_normal((40, 3), (0, 0))
    y = tf.cast(X[:, 0] > 0, tf.int64)
    watched = tf.data.Dataset.from_tensor_slices((X, y)).batch(40)
    history = fit(model, order, 8, lambda _, number: (X[number], y[number]), watched, checkpoint)
    return [v.numpy().tobytes() for v in model.variables + model.optimizer.variables], history.history


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_state_and_history_are_those_of_an_uninterrupted_fit(optimizer, tmp_path, capsys):
    fitted(optimizer, 2, tmp_path / "part.npz")
    assert fitted(optimizer, 4, tmp_path / "part.npz") == uninterrupted_fit(optimizer)
    assert "resuming at epoch 3 of 4" in capsys.readouterr().out
    assert fitted(optimizer, 4, tmp_path / "part.npz") == uninterrupted_fit(optimizer)
    assert "Epoch" not in capsys.readouterr().out  # all four were done: nothing was trained


def truncated(content: bytes) -> bytes:
    return content[:-500]


def one_byte_flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize("damage", [truncated, one_byte_flipped])
def test_a_damaged_checkpoint_is_not_resumed(damage, tmp_path, capsys):
    fitted("adamw", 2, tmp_path / "part.npz")
    (tmp_path / "part.npz").write_bytes(damage((tmp_path / "part.npz").read_bytes()))
    assert fitted("adamw", 4, tmp_path / "part.npz") == uninterrupted_fit("adamw")
    assert "resuming" not in capsys.readouterr().out


def test_a_process_that_outlived_its_dvc_is_ended(tmp_path, monkeypatch):
    code = (
        "import time; from stages.common.stage import alone\nwith alone('svm'): print('in', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code]
    variables = environment(PYTHONPATH=str(REPOSITORY))
    with subprocess.Popen(command, cwd=tmp_path, env=variables, stdout=subprocess.PIPE, text=True) as left:
        assert left.stdout.readline() == "in\n"
        monkeypatch.chdir(tmp_path)
        with alone("tsne"):
            assert left.poll() is None  # another stage is none of its business
        with alone("svm"):
            assert left.wait(30) == -signal.SIGKILL
