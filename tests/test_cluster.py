import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest
from conftest import REPOSITORY, environment, run, write_params

from stages import backbone, download, split

pytest.importorskip("ray")
from ray.cluster_utils import Cluster

pytestmark = pytest.mark.xdist_group("cluster")
LOCALLY = "import sys; from stages import extract; extract.main(); sys.exit('ray' in sys.modules)"
ONE_THAT_IS_NONE = """
from stages.common.stage import run_stage
def main():
    from stages.common.cluster import Cluster
    list(Cluster(True).stream([b"no image"]))
run_stage(main, "")
"""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A folder where extract has run on this machine alone, on more images than go to a node at once."""
    folder = tmp_path_factory.mktemp("cluster")
    for name in ("dvc.yaml", "stages"):
        (folder / name).symlink_to(REPOSITORY / name)
    write_params(folder, **{"split.train": 900, "split.test": 900, "backbone.image_size": 160})
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for stage in (download, split, backbone):
            stage.main()
    result = run(sys.executable, "-c", LOCALLY, cwd=folder, RAY_ADDRESS="")
    assert result.returncode == 0, result.stderr  # and Ray was not imported
    return folder


@pytest.fixture
def cluster():
    """Two nodes on this machine, real processes, in a folder of their own; its name is short, as a socket's must be."""
    folder = tempfile.mkdtemp(prefix="ray")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_TMPDIR", folder)
        patch.setenv("RAY_memory_monitor_refresh_ms", "0")  # whatever else this machine does
        cluster = Cluster()
        try:
            for _ in range(2):
                cluster.add_node(num_cpus=1, object_store_memory=100 * 2**20, include_dashboard=False)
            yield cluster
        finally:
            cluster.shutdown()
            shutil.rmtree(folder)


def raylets(cluster) -> list[psutil.Process]:
    return [psutil.Process(node.all_processes["raylet"][0].process.pid) for node in cluster.list_all_nodes()]


def at_work(raylet: psutil.Process) -> list[psutil.Process]:
    """The workers of a node that are at a chunk of images."""
    with_name = []
    for process in raylet.children():
        try:
            with_name += [process] if process.cmdline()[:1] == ["ray::_rows"] else []
        except psutil.Error:
            continue
    return with_name


def start(folder: Path, address: str) -> subprocess.Popen:
    for name in ("features", "pixels"):
        (folder / f"data/{name}.npz").rename(folder / f"data/{name}-locally.npz")
    command = [sys.executable, "-m", "stages.extract"]
    return subprocess.Popen(
        command, cwd=folder, env=environment(RAY_ADDRESS=address), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def ended_well(extract: subprocess.Popen, folder: Path) -> None:
    output, _ = extract.communicate(timeout=120)
    assert extract.returncode == 0, output.decode()
    assert b"1820 images through the network" in output
    for name in ("features", "pixels"):
        made, before = folder / f"data/{name}.npz", folder / f"data/{name}-locally.npz"
        assert made.read_bytes() == before.read_bytes()
        before.unlink()


def test_two_nodes_give_the_bytes_of_one_machine(prepared, cluster):
    nodes, seen = raylets(cluster), set()
    extract = start(prepared, cluster.address)
    while extract.poll() is None:
        seen |= {node.pid for node in nodes if at_work(node)}
        time.sleep(0.05)
    ended_well(extract, prepared)
    assert seen == {node.pid for node in nodes}

    refused = run(sys.executable, "-c", ONE_THAT_IS_NONE, cwd=prepared, RAY_ADDRESS=cluster.address)
    assert refused.returncode == 1
    assert refused.stderr.startswith("error: an image cannot be read: ")
    assert refused.stderr.count("\n") == 1


def test_a_worker_and_a_node_killed_change_nothing(prepared, cluster):
    head, other = raylets(cluster)
    extract = start(prepared, cluster.address)
    killed = []
    while extract.poll() is None and len(killed) < 2:
        node = other if killed else head
        workers = at_work(node)
        if workers:
            victims = [node, *node.children(recursive=True)] if killed else workers
            for process in victims:
                os.kill(process.pid, signal.SIGKILL)
            killed.append(victims)
        time.sleep(0.02)
    ended_well(extract, prepared)
    assert len(killed) == 2


@pytest.mark.parametrize(
    ("installed", "said"),
    [(True, "no cluster at '127.0.0.1:9': .*refused"), (False, "Ray is not installed: pip install")],
)
def test_without_ray_or_a_cluster_there_is_one_line(prepared, tmp_path, installed, said):
    if not installed:
        (tmp_path / "ray.py").write_text("raise ImportError")
    command = (sys.executable, "-m", "stages.extract")
    result = run(*command, cwd=prepared, RAY_ADDRESS="127.0.0.1:9", PYTHONPATH="" if installed else str(tmp_path))
    assert result.returncode == 1
    assert re.fullmatch(f"error: RAY_ADDRESS.*{said}.*\n", result.stderr)
