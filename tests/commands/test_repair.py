"""The command `repair`. tests/pipeline/test_integrity.py damages the cache of a real repository."""

import hashlib
import subprocess
from pathlib import Path

import pytest

from eurosat_transfer import __main__ as command_line
from eurosat_transfer.commands import repair
from eurosat_transfer.errors import UserError
from eurosat_transfer.pipeline import integrity


def write_object(store: Path, content: bytes, suffix: str = "") -> Path:
    """Write a sound object into a store, and return its path."""
    md5 = hashlib.md5(content).hexdigest()
    path = store / md5[:2] / (md5[2:] + suffix)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.fixture
def cache(world, monkeypatch) -> Path:
    """Change to a repository without outputs whose cache is a folder of the test."""
    folder = world() / "cache"
    monkeypatch.setattr(integrity, "cache_folder", lambda: folder)
    return folder


def run_repair() -> None:
    arguments = command_line.parse_arguments(["repair"])
    arguments.run(arguments)


def test_sound_objects_stay(cache, capsys):
    objects = [write_object(cache, b"one"), write_object(cache, b"[]", ".dir"), write_object(repair.BUNDLE, b"two")]
    run_repair()
    assert all(path.exists() for path in objects)
    assert capsys.readouterr().out == "no damage: the cache and the bundled remote are sound\n"


def test_damaged_objects_in_cache_and_bundle_are_removed(cache, capsys):
    sound = write_object(cache, b"one")
    damaged = [write_object(cache, b"two"), write_object(cache, b"[]", ".dir"), write_object(repair.BUNDLE, b"three")]
    for path in damaged:
        path.write_bytes(b"changed")
        path.chmod(0o444)  # as DVC leaves objects
    with pytest.raises(SystemExit) as ended:
        run_repair()
    assert "git restore bundle" in str(ended.value.code)
    assert "dvc pull" in str(ended.value.code)
    assert sound.exists()
    assert not any(path.exists() for path in damaged)
    lines = capsys.readouterr().out.splitlines()
    assert sorted(lines) == sorted(f"removed, because it is damaged: {path}" for path in damaged)


def test_temporary_files_of_dvc_stay(cache):
    temporary = write_object(cache, b"one").with_name("3fa1.tmp")
    temporary.write_bytes(b"half of a download")
    run_repair()
    assert temporary.exists()


def test_damaged_outputs_are_removed_before_their_objects(cache, monkeypatch):
    """Only the object in the cache shows that an output is damaged, and not changed on purpose."""
    damaged = write_object(cache, b"one")
    damaged.write_bytes(b"changed")
    file, folder = Path("plots/tsne.csv"), Path("data/array_records")
    folder.mkdir(parents=True)
    (folder / "tile.png").touch()
    file.parent.mkdir()
    file.touch()
    monkeypatch.setattr(integrity, "damaged_outputs", lambda: [file, folder] if damaged.exists() else [])
    assert repair.remove_damage([cache]) == [file, folder, damaged]
    assert not any(path.exists() for path in (file, folder, damaged))


def test_a_folder_of_objects_that_does_not_exist_has_no_damage(cache):
    assert repair.remove_damage([cache, cache / "absent"]) == []


@pytest.mark.usefixtures("cache")
def test_a_failure_of_dvc_is_an_error(monkeypatch):
    def fail():
        raise subprocess.CalledProcessError(255, "dvc")

    monkeypatch.setattr(integrity, "cache_folder", fail)
    with pytest.raises(UserError, match="`dvc cache dir` failed"):
        run_repair()
