"""Interrupted maps resume, and give the same bytes."""

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from conftest import REPOSITORY
from prediction import small_model
from prediction.small_model import write_model
from prediction.small_scene import FILES, contents, map_small, noise, write_scene

from eurosat_transfer.errors import UserError
from eurosat_transfer.io.locks import new_lock

PROGRAM = """
import sys
from pathlib import Path
from prediction.small_scene import map_small
map_small(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], window=int(sys.argv[4]), stride=int(sys.argv[5]))
# ru_maxrss would begin with the memory of the process that forked this one.
status = Path("/proc/self/status")
lines = status.read_text().splitlines() if status.exists() else ["VmHWM: 0 kB"]
print(*(line.split()[1] for line in lines if line.startswith("VmHWM")))
"""


def start(folder: Path, scene: Path, out: str, window: int, stride: int) -> subprocess.Popen:
    """Start a process that maps a scene."""
    path = os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "tests")])
    arguments = [str(folder), str(scene), out, str(window), str(stride)]
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments],
        env=os.environ | {"PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
    )


def finished_rows(folder: Path, out: str = "out") -> list[str]:
    return sorted(path.name for path in folder.glob(f".part-{out}/row-*.npz"))


def fail(folder: Path, _summary) -> None:
    assert sorted(contents(folder)) == sorted(FILES)
    raise ZeroDivisionError


def interrupt(folder: Path, scene: Path, **options) -> None:
    """Map a scene, and fail when all windows are classified."""
    with pytest.raises(ZeroDivisionError):
        map_small(folder, scene, add_files=fail, **options)


def test_two_runs_give_the_same_bytes(tmp_path):
    scene = write_scene(tmp_path / "scene.tif", noise(150, 200), nodata=0)
    map_small(tmp_path, scene)
    map_small(tmp_path, scene, "again")
    before = contents(tmp_path / "out")
    assert sorted(before) == sorted(FILES)
    assert before == contents(tmp_path / "again")
    map_small(tmp_path, scene)
    assert contents(tmp_path / "out") == before


@pytest.mark.slow
def test_a_killed_map_resumes_and_gives_the_same_bytes(tmp_path, capsys):
    image = noise(300, 400)
    image[133], image[:, 350:] = 0, 0
    scene = write_scene(tmp_path / "scene.tif", image, nodata=0)
    write_model(tmp_path / "model")
    victim = start(tmp_path, scene, "out", 16, 4)
    while len(finished_rows(tmp_path)) < 10:
        assert victim.poll() is None
        time.sleep(0.01)
    os.kill(victim.pid, signal.SIGKILL)
    victim.communicate()
    assert not (tmp_path / "out").exists()
    rows = len(finished_rows(tmp_path))
    assert 10 <= rows < 72
    map_small(tmp_path, scene, window=16, stride=4)
    assert f"resuming: {rows} of 72 rows of windows are finished" in capsys.readouterr().out
    map_small(tmp_path, scene, "uninterrupted", window=16, stride=4)
    assert "resuming" not in capsys.readouterr().out
    assert contents(tmp_path / "out") == contents(tmp_path / "uninterrupted")
    assert not list(tmp_path.glob(".part-*"))


def test_a_map_whose_windows_are_all_finished_is_completed(tmp_path):
    scene = write_scene(tmp_path / "scene.tif", noise(60, 60))
    interrupt(tmp_path, scene)
    rows = {path: path.stat().st_mtime_ns for path in (tmp_path / ".part-out").glob("row-*.npz")}
    interrupt(tmp_path, scene)
    assert rows == {path: path.stat().st_mtime_ns for path in (tmp_path / ".part-out").glob("row-*.npz")}
    assert len(rows) == 7
    map_small(tmp_path, scene)
    map_small(tmp_path, scene, "whole")
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_a_failed_map_leaves_the_earlier_one(tmp_path):
    scene = write_scene(tmp_path / "scene.tif", noise(60, 60))
    map_small(tmp_path, scene)
    before = contents(tmp_path / "out")
    interrupt(tmp_path, scene, stride=2)
    assert contents(tmp_path / "out") == before


@pytest.mark.parametrize("damage", [b"", b"PK no zip"])
def test_a_damaged_row_is_classified_again(tmp_path, damage):
    scene = write_scene(tmp_path / "scene.tif", noise(60, 60))
    interrupt(tmp_path, scene)
    (tmp_path / ".part-out/row-000002.npz").write_bytes(damage)
    map_small(tmp_path, scene)
    map_small(tmp_path, scene, "whole")
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def change_scene(folder: Path, _) -> dict:
    write_scene(folder / "scene.tif", noise(60, 60, seed=1))
    return {}


def change_model(folder: Path, monkeypatch) -> dict:
    monkeypatch.setattr(small_model, "SHARPNESS", 0.01)
    write_model(folder / "model")
    return {}


def change_options(*_) -> dict:
    return {"scale": (0, 128)}


@pytest.mark.parametrize("change", [change_scene, change_model, change_options])
def test_rows_of_another_scene_model_or_option_are_not_used(tmp_path, monkeypatch, change):
    scene = write_scene(tmp_path / "scene.tif", noise(60, 60))
    interrupt(tmp_path, scene)
    options = change(tmp_path, monkeypatch)
    map_small(tmp_path, scene, **options)
    map_small(tmp_path, scene, "whole", **options)
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_another_coverage_uses_the_finished_rows(tmp_path):
    scene = write_scene(tmp_path / "scene.tif", noise(60, 60))
    interrupt(tmp_path, scene)
    rows = finished_rows(tmp_path)
    with pytest.raises(ZeroDivisionError):
        map_small(tmp_path, scene, coverage=0.5, add_files=fail)
    assert finished_rows(tmp_path) == rows
    map_small(tmp_path, scene, coverage=0.5)
    map_small(tmp_path, scene, "whole", coverage=0.5)
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_two_processes_do_not_write_the_same_map(tmp_path):
    scene = write_scene(tmp_path / "scene.tif", noise(60, 60))
    (tmp_path / ".part-out").mkdir()
    with new_lock(tmp_path / ".part-out/work"), pytest.raises(UserError, match="another process writes"):
        map_small(tmp_path, scene)
    map_small(tmp_path, scene)


@pytest.mark.slow
def test_a_whole_sentinel_tile_needs_little_memory(tmp_path):
    write_model(tmp_path / "model", bands=(3, 2, 1), scale=(0, 275))
    profile = {"count": 10, "dtype": "uint16", "width": 10_980, "height": 10_980, "interleave": "pixel"}
    layout = {"tiled": True, "blockxsize": 512, "blockysize": 512, "compress": "deflate", "sparse_ok": True}
    with rasterio.open(tmp_path / "scene.tif", "w", driver="GTiff", **profile, **layout) as file:
        for row in range(0, 10_980, 2048):  # the other blocks are not stored, and are read as zeros
            block = np.random.default_rng(row).integers(0, 300, (10, 64, 10_980), np.uint16)
            file.write(block, window=rasterio.windows.Window(0, row, 10_980, 64))
    process = start(tmp_path, tmp_path / "scene.tif", "out", 128, 128)
    output, _ = process.communicate()
    assert process.returncode == 0
    assert int(output.splitlines()[-1]) * 1024 < 1.5e9


def test_a_map_that_cannot_be_written_raises_an_error_of_the_system(tmp_path):
    scene = write_scene(tmp_path / "scene.tif", noise(400, 400))
    interrupt(tmp_path, scene)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))  # the maps are larger, and the rows are not
    try:
        with pytest.raises(OSError, match=r"No space left|Input/output error") as error:
            map_small(tmp_path, scene)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert error.value.errno
    assert not (tmp_path / "out").exists()
    map_small(tmp_path, scene)
    assert (tmp_path / "out").exists()


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def change_a_pixel(path: Path) -> None:
    with rasterio.open(path, "r+", ignore_cog_layout_break="yes") as file:
        file.write(np.full((1, 1), 1, file.dtypes[0]), 1, window=rasterio.windows.Window(0, 0, 1, 1))


@pytest.mark.parametrize("damage", [cut_off, change_a_pixel])
def test_a_file_that_was_silently_damaged_while_it_was_written_is_noticed(tmp_path, monkeypatch, damage):
    def copy(source: Path, path: Path, **options) -> None:
        real_copy(source, path, **options)
        damage(path)

    real_copy = rasterio.shutil.copy
    scene = write_scene(tmp_path / "scene.tif", noise(600, 600, seed=2))
    monkeypatch.setattr(rasterio.shutil, "copy", copy)
    with pytest.raises(OSError, match="Input/output error"):
        map_small(tmp_path, scene, window=64, stride=64)
    monkeypatch.undo()
    assert not (tmp_path / "out").exists()
    map_small(tmp_path, scene, window=64, stride=64)
    assert sorted(contents(tmp_path / "out")) == sorted(FILES)
