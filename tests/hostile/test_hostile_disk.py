"""A full disk and a read-only folder: one line of error, nothing half-written, and the next run succeeds."""

import os
import shutil
import subprocess

import pytest
from conftest import REPOSITORY, run, write_params, write_tree

pytestmark = pytest.mark.slow
STAGES = {  # where each writes, and KiB of room that are enough to start and not to end
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
    """Mount a file system of 64 MiB: small(folder) -> a function that mounts it again with other options."""
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
    """Fill a file system, and leave some KiB."""
    with (folder / "filling").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(folder).free - leaving * 2**10)


def test_a_full_or_read_only_disk_gives_a_one_line_error(tmp_path, small):
    disk = tmp_path / "disk"
    remount = small(disk)
    tree = write_tree(tmp_path / "tree", classes=3, images=80)
    for name in ("dvc.yaml", "stages", "eurosat_transfer"):
        (disk / name).symlink_to(REPOSITORY / name)
    write_params(disk, **{"data.name": "folder", "data.path": str(tree)})
    for name, (folders, room) in STAGES.items():
        before = {p for folder in folders for p in (disk / folder).glob("*")}
        fill(disk, room)
        full = stage(name, disk)
        (disk / "filling").unlink()
        assert "No space left on device" in full.stderr, (name, full.stderr)
        assert_clean(disk, name, full, folders, before)
        if name in ("download", "split"):  # they are quick, and stand for the others
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
