"""Predictions on a real Ray cluster give the bytes of one machine, also if a worker is killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from conftest import REPOSITORY, encoded, environment, run
from PIL import Image
from small_model import write_model

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cluster")]

COMMAND = (sys.executable, "-m", "eurosat_transfer", "predict", "tiles")


@pytest.fixture
def tiles(tmp_path, monkeypatch):
    """Images that take some seconds, one of them damaged, and the expected output."""
    monkeypatch.chdir(tmp_path)
    write_model(Path("model"))
    Path("tiles").mkdir()
    rng = np.random.default_rng(0)
    for number in range(8):
        Image.fromarray(rng.integers(0, 256, (120, 120, 3), np.uint8)).save(f"{number}.png")
    for number in range(3000):
        os.link(f"{number % 8}.png", f"tiles/{number:04}.png")
    Path("tiles/0000.jpg").write_bytes(b"no image")
    Path("tiles/0001.jpg").write_bytes(encoded((255, 0, 0)))
    result = run(*COMMAND, "-o", "expected.csv", cwd=tmp_path, PYTHONPATH=str(REPOSITORY), RAY_ADDRESS="")
    assert result.returncode == 1, result.stderr
    return tmp_path


def busy_workers():
    found = []
    for process in psutil.process_iter():
        try:
            found += [process] if process.cmdline()[:1] == ["ray::_predict_chunk"] else []
        except psutil.Error:
            continue
    return found


def test_two_nodes_give_the_bytes_of_one_machine(tiles, cluster):
    process = subprocess.Popen(
        COMMAND,
        cwd=tiles,
        env=environment(PYTHONPATH=str(REPOSITORY), RAY_ADDRESS=cluster.address),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    nodes, killed = set(), False
    while process.poll() is None:
        for worker in busy_workers():
            nodes.add(worker.ppid())
            if not killed:
                os.kill(worker.pid, signal.SIGKILL)
                killed = True
        time.sleep(0.02)
    output, _ = process.communicate()
    assert process.returncode == 1, output
    assert killed
    assert len(nodes) == 2, "both nodes have worked"
    for name in ("csv", "unreadable.csv"):
        assert Path(f"predictions.{name}").read_bytes() == Path(f"expected.{name}").read_bytes()
    assert "error: 1 of 3,002 images cannot be read" in output
    assert "warning" not in output


def test_a_missing_cluster_gives_one_line(tiles):
    result = run(*COMMAND, cwd=tiles, PYTHONPATH=str(REPOSITORY), RAY_ADDRESS="127.0.0.1:9")
    assert result.returncode == 1
    assert result.stderr.startswith("error: RAY_ADDRESS: no cluster answers at '127.0.0.1:9'")
    assert result.stderr.count("\n") == 1
