"""In which folder and for which repository a stage runs."""

from pathlib import Path

import pytest

from eurosat_transfer.pipeline.workspace import (
    EXPERIMENTS,
    has_hardlink_locks,
    is_temporary,
    repository_root,
    workspace_root,
)


@pytest.fixture
def repository(tmp_path, monkeypatch) -> Path:
    """An empty DVC repository, which is the current folder."""
    (tmp_path / "repository/.dvc").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "repository")
    monkeypatch.delenv("DVC_ROOT", raising=False)
    for level in ("GLOBAL", "SYSTEM"):
        monkeypatch.setenv(f"DVC_{level}_CONFIG_DIR", str(tmp_path / level))
    return tmp_path / "repository"


def change_to(folder: Path, monkeypatch) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(folder)


def test_the_repository_is_the_nearest_folder_with_dvc(repository, monkeypatch):
    for folder in (repository, repository / "lab", repository / "lab/deeper"):
        change_to(folder, monkeypatch)
        assert workspace_root() == repository_root() == repository
        assert not is_temporary()
    (repository / "lab/.dvc").mkdir()
    assert workspace_root() == repository_root() == repository / "lab"


def test_outside_of_a_repository_the_current_folder_counts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    assert workspace_root() == repository_root() == tmp_path
    assert not is_temporary()


@pytest.mark.parametrize("project", [".", "lab"])
def test_a_temporary_workspace_belongs_to_the_repository_that_dvc_names(repository, monkeypatch, project):
    workspace = repository / EXPERIMENTS / "tmp1"
    (workspace / ".dvc").mkdir(parents=True)
    change_to(workspace / project, monkeypatch)
    monkeypatch.setenv("DVC_ROOT", str(repository))
    assert workspace_root() == workspace
    assert repository_root() == repository
    assert is_temporary()


def test_an_outer_pipeline_is_another_repository(repository, tmp_path, monkeypatch):
    for outer in (tmp_path, tmp_path / "elsewhere"):
        monkeypatch.setenv("DVC_ROOT", str(outer))
        assert repository_root() == repository
        assert not is_temporary()


def test_the_locks_are_those_that_dvc_is_set_up_for(repository, tmp_path):
    assert not has_hardlink_locks()
    for folder, name in ((tmp_path / "GLOBAL", "config"), (repository / ".dvc", "config.local")):
        folder.mkdir(exist_ok=True)
        (folder / name).write_text("[core]\nhardlink_lock = true\n")
        assert has_hardlink_locks()
        (folder / name).unlink()
