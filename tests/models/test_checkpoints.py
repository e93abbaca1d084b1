from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from eurosat_transfer.models.checkpoints import CHECKPOINTS, Checkpoint, checkpoint_folder
from eurosat_transfer.tensorflow_setup import keras, tf


def folder_of(*settings, stage="finetune", inputs="digest") -> Path:
    with checkpoint_folder(stage, inputs, *settings) as folder:
        return folder


def test_equal_trainings_have_the_same_checkpoint_folder():
    assert folder_of({"lr": 1}, True) == folder_of({"lr": 1}, True)


def test_other_trainings_have_other_checkpoint_folders(monkeypatch):
    folders = [
        folder_of({"lr": 1}, True),
        folder_of({"lr": 2}, True),
        folder_of({"lr": 1}, False),
        folder_of({"lr": 1}, True, stage="backbone"),
        folder_of({"lr": 1}, True, inputs="other code"),
    ]
    for library in (np, tf, keras):
        with monkeypatch.context() as patch:
            patch.setattr(library, "__version__", "another")
            folders.append(folder_of({"lr": 1}, True))
    assert len(set(folders)) == len(folders) == 8


def test_checkpoint_folder_is_deleted_after_success_and_kept_after_failure(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def killed_training() -> None:
        with checkpoint_folder("finetune", "digest") as folder:
            folder.mkdir(parents=True)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        killed_training()
    (folder,) = CHECKPOINTS.iterdir()
    with checkpoint_folder("finetune", "digest") as again:
        assert again == folder
    assert not folder.exists()


def test_checkpoints_of_interrupted_runs_with_other_parameters_are_deleted_after_success(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for stage, lr in (("finetune", 1), ("finetune", 2), ("backbone", 1)):
        with suppress(KeyboardInterrupt), checkpoint_folder(stage, "digest", lr) as folder:
            folder.mkdir(parents=True)
            raise KeyboardInterrupt
    assert len(list(CHECKPOINTS.iterdir())) == 3
    with checkpoint_folder("finetune", "digest", 3):
        assert len(list(CHECKPOINTS.iterdir())) == 3
    assert [path.name.partition("-")[0] for path in CHECKPOINTS.iterdir()] == ["backbone"]


def compiled_network() -> keras.Model:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), keras.layers.BatchNormalization()])
    model.compile(keras.optimizers.Adam(0.1), "mse")
    return model


def state(model: keras.Model) -> list[bytes]:
    return [variable.numpy().tobytes() for variable in model.variables + model.optimizer.variables]


def test_missing_checkpoint_leaves_the_model_as_it_is(tmp_path):
    model = compiled_network()
    model.optimizer.build(model.trainable_variables)
    before = state(model)
    assert Checkpoint(tmp_path / "none.npz").restore(model) == 0
    assert state(model) == before


def test_checkpoint_restores_weights_optimizer_and_history(tmp_path):
    trained, checkpoint = compiled_network(), Checkpoint(tmp_path / "part/checkpoint.npz")
    checkpoint.restore(trained)
    trained.optimizer.apply([tf.ones_like(weight) for weight in trained.trainable_variables])
    checkpoint.on_train_begin()
    for epoch in range(2):
        checkpoint.on_epoch_end(epoch, {"loss": 1 / (epoch + 1)})
    restored, again = compiled_network(), Checkpoint(tmp_path / "part/checkpoint.npz")
    assert again.restore(restored) == 2
    assert state(restored) == state(trained)
    assert int(restored.optimizer.iterations) == 1
    assert again.history == {"loss": [1.0, 0.5]}
