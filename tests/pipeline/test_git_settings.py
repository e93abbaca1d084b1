"""Settings of Git, and files that other programs leave behind, change no results."""

import re
import subprocess
from pathlib import Path

import pytest
from conftest import REPOSITORY, dvc, run

pytestmark = pytest.mark.slow


def clone(folder: Path, settings: dict[str, str]) -> Path:
    """Clone the working tree as it is now, with settings of Git such as {"core.autocrlf": "true"}."""
    source = folder / "source"
    names = run("git", "ls-files", "-co", "--exclude-standard", cwd=REPOSITORY).stdout.splitlines()
    for name in names:
        if (REPOSITORY / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((REPOSITORY / name).read_bytes())
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    for command in (
        ["init", "-q"],
        ["add", "-A"],
        ["commit", "-qm", "all"],
        ["clone", "-q", *options, ".", "../clone"],
    ):
        result = run("git", *command, cwd=source)
        assert result.returncode == 0, result.stderr
    return folder / "clone"


WINDOWS = {"core.autocrlf": "true", "core.symlinks": "false", "core.ignorecase": "true"}
FILTER = {"filter.mine.smudge": "tr a b", "filter.mine.clean": "tr b a"}


@pytest.mark.parametrize(
    ("settings", "attributes"),
    [(WINDOWS, ""), ({"core.eol": "crlf"}, "* text"), (FILTER, "* filter=mine ident text eol=crlf")],
    ids=["windows", "eol", "filter"],
)
def test_settings_of_a_user_change_no_bytes(tmp_path, settings, attributes):
    (tmp_path / "attributes").write_text(attributes)
    folder = clone(tmp_path, settings | {"core.attributesFile": str(tmp_path / "attributes")})
    source = tmp_path / "source"
    files = [path.relative_to(source) for path in source.rglob("*") if path.is_file() and ".git" not in path.parts]
    assert [file for file in files if (folder / file).read_bytes() != (source / file).read_bytes()] == []
    dvc(folder, "pull")
    assert "up to date" in dvc(folder, "status")
    assert run("git", "status", "--porcelain", cwd=folder).stdout == ""


def test_the_advice_for_damage_by_line_ends_restores_the_bundle(tmp_path):
    """A clone that was made before .gitattributes has CRLF in the text objects of bundle/."""
    folder = clone(tmp_path, WINDOWS)
    texts = [path for path in (folder / "bundle").rglob("*") if path.is_file() and b"\0" not in path.read_bytes()]
    for path in texts:
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert run("dvc", "pull", cwd=folder).returncode != 0
    repaired = run("python", "-m", "eurosat_transfer", "repair", cwd=folder)
    assert repaired.returncode == 1
    advice = re.findall("`([^`]+)`", repaired.stderr)[:2]
    assert advice == ["git restore bundle", "dvc pull"]
    for command in advice:
        assert run(*command.split(), cwd=folder).returncode == 0
    assert "up to date" in dvc(folder, "status")


def test_files_of_file_managers_change_no_stage(reproduced):
    for name in ("data/array_records", "eurosat_transfer/reporting/templates", "model"):
        assert (reproduced / name).is_dir()
        for file in (".DS_Store", "Thumbs.db", "._x", "desktop.ini", ".nfs0001", "x~", "@eaDir/x", "__pycache__/x.pyc"):
            (reproduced / name / file).parent.mkdir(exist_ok=True)
            (reproduced / name / file).write_bytes(b"left by a file manager")
    assert "up to date" in dvc(reproduced, "status")
    assert subprocess.run(["git", "check-ignore", "-q", "x/.DS_Store"], cwd=reproduced, check=False).returncode == 0
