"""The pipeline after a kill at a bad moment: it ends with the same bytes. kill_campaign.py tries random moments."""

import pytest
from conftest import dvc, write_params
from kill_campaign import Repro, finish, wipe
from ruamel.yaml import YAML

pytestmark = pytest.mark.slow


def test_after_a_kill_while_dvc_writes_its_lock_file_git_restores_it(reproduced):
    lock = reproduced / "dvc.lock"
    before = lock.read_bytes()
    in_a_word, between_stages = before.index(b"stages") + 3, before.index(b"\n  extract:") + 1
    for cut, needed in ((in_a_word, ["git restore dvc.lock"]), (between_stages, [])):
        lock.write_bytes(before[:cut])
        assert finish(reproduced)[0] == needed
        assert lock.read_bytes() == before


def stages_in(lock: str) -> dict:
    return YAML(typ="safe").load(lock)["stages"]


@pytest.fixture
def uninterrupted(reproduced):
    """Reproduce a clone in which pretraining and fine-tuning take some epochs, without interruption."""
    epochs = {
        "backbone.weights": "auto",
        "backbone.pretrain.epochs": 3,
        "finetune.epochs": 4,
        "finetune.warmup_epochs": 1,
    }
    write_params(reproduced, **epochs)
    dvc(reproduced, "repro", "finetune")
    return reproduced, (reproduced / "dvc.lock").read_text()


@pytest.mark.parametrize(
    ("stage", "line", "victim"),
    [("backbone", "epoch 2/3", "stage"), ("finetune", "epoch 2/4", "both"), ("finetune", "epoch 2/4", "dvc")],
)
def test_a_training_that_was_killed_resumes_to_the_same_bytes(uninterrupted, stage, line, victim):
    folder, lock = uninterrupted
    wipe(folder, lock, [stage], [stage])
    repro = Repro(folder, "finetune")
    repro.wait_for(line)
    assert repro.kill(victim), repro.output()
    if victim != "dvc":  # without DVC, the stage's process goes on, and may get further
        assert list(folder.glob(f"data/checkpoints/{stage}-*/*.npz"))
    needed, printed = finish(folder, "finetune")
    assert needed == []
    assert "resuming at epoch 3" in printed or victim == "dvc"
    assert stages_in((folder / "dvc.lock").read_text()) == stages_in(lock)
    assert not list(folder.glob("data/checkpoints/*"))
