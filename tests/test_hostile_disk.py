"""A full disk and a read-only folder: one line, nothing half-written, and the next run with room succeeds."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import REPOSITORY, run, write_params, write_tree

from stages.common.files import whole

STAGES = {  # what each writes, and KiB of room in which it begins and does not end
    "download": (("data", "plots"), 60),
    "split": (("data",), 0),
    "backbone": (("data", "metrics"), 300),
    "extract": (("data",), 8),
    "svm": (("metrics", "plots"), 0),
    "finetune": (("data", "metrics", "plots"), 300),
}


def mounted(folder, options):
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no small file system can be mounted here: {done.stderr.strip()}")


@pytest.fixture
def small():
    """small(folder): a file system of its own there, of 64 MiB, and a function that mounts it anew with options."""
    if not shutil.which("mount"):
        pytest.skip("no mount")
    folders = []

    def mount(folder):
        mounted(folder, "size=64m")
        folders.append(folder)
        return lambda options: subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)

    yield mount
    for folder in reversed(folders):
        subprocess.run(["umount", "-l", str(folder)], check=False)


def stage(name, folder):
    return run("python", "-m", f"stages.{name}", cwd=folder, PYTHONPATH=str(REPOSITORY))


def fill(folder, leaving):
    """Fill a file system up, but for so many KiB."""
    with (folder / "filling").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(folder).free - leaving * 2**10)


def test_every_stage_bears_a_full_disk_and_a_read_only_one(tmp_path, small):
    disk = tmp_path / "disk"
    remount = small(disk)
    tree = write_tree(tmp_path / "tree", classes=3, images=80)
    for name in ("dvc.yaml", "stages"):
        (disk / name).symlink_to(REPOSITORY / name)
    write_params(disk, **{"data.name": "folder", "data.path": str(tree)})
    for name, (folders, room) in STAGES.items():
        before = {p for folder in folders for p in (disk / folder).glob("*")}
        fill(disk, room)
        full = stage(name, disk)
        (disk / "filling").unlink()
        assert "No space left on device" in full.stderr, (name, full.stderr)
        assert_clean(disk, name, full, folders, before)
        if name in ("download", "split"):  # as good as the others, and quick
            remount("ro")
            fixed = stage(name, disk)
            remount("rw")
            assert "Read-only file system" in fixed.stderr, (name, fixed.stderr)
            assert_clean(disk, name, fixed, folders, before)
        with_room = stage(name, disk)
        assert with_room.returncode == 0, (name, with_room.stderr)


def assert_clean(disk, name, result, folders, before):
    said = [line for line in result.stderr.splitlines() if line.startswith("error:")]
    assert result.returncode == 1, (name, result.stderr)
    assert len(said) == 1, (name, result.stderr)
    assert "Traceback" not in result.stderr, (name, result.stderr)
    left = {p for folder in folders for p in (disk / folder).glob("*")} - before
    assert not [p for p in left if p.name.startswith(".part-")], (name, left)


def test_a_file_or_folder_is_written_whole_or_not_at_all(tmp_path):
    for make in (lambda p: p.write_text("new"), lambda p: (p.mkdir(), (p / "in").write_text("new"))):
        target = tmp_path / "x"
        with whole(target) as part:
            make(part)
        old = sorted(p.name for p in tmp_path.iterdir())
        with pytest.raises(ZeroDivisionError), whole(target) as part:
            make(part) and 1 / 0
        assert sorted(p.name for p in tmp_path.iterdir()) == old == ["x"]
        (tmp_path / ".part-x").mkdir()  # a killed run's
        (tmp_path / ".part-x/half").write_text("old")
        with whole(target) as part:
            make(part)
        assert not (tmp_path / ".part-x").exists()
        assert not (target / "half").exists()
        shutil.rmtree(target) if target.is_dir() else target.unlink()


def test_an_error_of_the_system_names_its_file(tmp_path):
    with (
        pytest.raises(OSError, match="No space left") as error,
        whole(tmp_path / "x"),
        Path("/dev/full").open("w") as f,
    ):
        f.write("x")
    assert error.value.filename == str(tmp_path / "x")
    with pytest.raises(OSError, match="No space left on device") as error, whole(tmp_path / "x"):
        raise OSError("Can't write (errno = 28, error message = 'No space left on device')")
    assert (error.value.errno, error.value.filename) == (28, str(tmp_path / "x"))
