"""Settings of Git, and files that other programs leave behind, change no results."""

import subprocess
from pathlib import Path

import pytest
from conftest import REPOSITORY, dvc, run

pytestmark = pytest.mark.slow


def clone(folder: Path, **settings: str) -> Path:
    """Clone the working tree as it is now, with settings of Git such as autocrlf="true"."""
    source = folder / "source"
    names = run("git", "ls-files", "-co", "--exclude-standard", cwd=REPOSITORY).stdout.splitlines()
    for name in names:
        if (REPOSITORY / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((REPOSITORY / name).read_bytes())
    options = [part for name, value in settings.items() for part in ("-c", f"core.{name}={value}")]
    for command in (
        ["init", "-q"],
        ["add", "-A"],
        ["commit", "-qm", "all"],
        ["clone", "-q", *options, ".", "../clone"],
    ):
        result = run("git", *command, cwd=source)
        assert result.returncode == 0, result.stderr
    return folder / "clone"


@pytest.mark.parametrize("settings", [{"autocrlf": "true"}, {"eol": "crlf", "autocrlf": "false"}], ids=str)
def test_line_ends_of_windows_change_no_bytes(tmp_path, settings):
    folder = clone(tmp_path, **settings)
    dvc(folder, "pull")
    assert "up to date" in dvc(folder, "status")
    assert run("git", "status", "--porcelain", cwd=folder).stdout == ""


def test_files_of_file_managers_change_no_stage(reproduced):
    for name in ("data/dataset", "eurosat_transfer/reporting/templates", "model"):
        assert (reproduced / name).is_dir()
        for file in (".DS_Store", "Thumbs.db", "._x", "desktop.ini"):
            (reproduced / name / file).write_bytes(b"left by a file manager")
    assert "up to date" in dvc(reproduced, "status")
    assert subprocess.run(["git", "check-ignore", "-q", "x/.DS_Store"], cwd=reproduced, check=False).returncode == 0
