"""Extraction on a real Ray cluster gives the bytes of one machine, also if workers and nodes are killed."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from conftest import REPOSITORY, environment, run, write_params
from networks.onnx_files import EXPORTED, read, settings

from eurosat_transfer.data.band_names import EUROSAT
from eurosat_transfer.networks.onnx_network import save_onnx_backbone
from stages import backbone, download, split

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cluster")]

EXTRACT_ON_THIS_MACHINE = "import sys; from stages import extract; extract.main(); sys.exit('ray' in sys.modules)"
EXTRACT_A_BROKEN_IMAGE = """
from eurosat_transfer.pipeline.stage import run_stage
def main():
    from eurosat_transfer.features.cluster import Cluster
    with Cluster(True, "float32") as cluster:
        list(cluster.extract([(0, b"no image")], 8))
run_stage(main, "")
"""


EXTRACT_ALL_BANDS = """
import sys
from pathlib import Path
import numpy as np
from eurosat_transfer.data.band_names import EUROSAT
from eurosat_transfer.features.cluster import Cluster
from eurosat_transfer.features.inference import fixed_images, load_network
folder, images = Path(sys.argv[1]), fixed_images(len(EUROSAT))
with Cluster(True, "float32", folder, EUROSAT) as cluster:
    on_cluster = list(cluster.extract(enumerate(images), 8))
here = list(load_network(True, "float32", folder, bands=EUROSAT).extract(enumerate(images), 8))
for name in ("key", "features", "pixels"):
    assert np.array_equal(*([getattr(row, name) for row in rows] for rows in (on_cluster, here)))
assert np.abs(here[0].features).max() > 0.1
"""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A folder where extract has run on this machine, on more images than fit into one chunk."""
    folder = tmp_path_factory.mktemp("cluster")
    for name in ("dvc.yaml", "stages", "eurosat_transfer"):
        (folder / name).symlink_to(REPOSITORY / name)
    # Without preprocessing, which is not the default: nodes that ignore the parameter would give other features.
    changes = {"split.train": 900, "split.test": 900, "backbone.image_size": 160, "extract.preprocess": False}
    changes["split.unlabelled"] = "none"
    write_params(folder, **changes)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for stage in (download, split, backbone):
            stage.main()
    result = run(sys.executable, "-c", EXTRACT_ON_THIS_MACHINE, cwd=folder, RAY_ADDRESS="")
    assert result.returncode == 0, result.stderr  # and Ray was not imported
    for name in ("features", "pixels"):
        (folder / f"data/{name}.npz").rename(folder / f"data/{name}-expected.npz")
    return folder


def raylets(cluster) -> list[psutil.Process]:
    return [psutil.Process(node.all_processes["raylet"][0].process.pid) for node in cluster.list_all_nodes()]


def busy_workers(raylet: psutil.Process) -> list[psutil.Process]:
    """Find the workers of a node that work on a chunk of images."""
    found = []
    for process in raylet.children():
        try:
            found += [process] if process.cmdline()[:1] == ["ray::_extract_chunk"] else []
        except psutil.Error:
            continue
    return found


def start(folder: Path, address: str) -> subprocess.Popen:
    for name in ("features", "pixels"):
        (folder / f"data/{name}.npz").unlink(missing_ok=True)
    command = [sys.executable, "-m", "stages.extract"]
    return subprocess.Popen(
        command, cwd=folder, env=environment(RAY_ADDRESS=address), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def assert_bytes_of_one_machine(extract: subprocess.Popen, folder: Path) -> None:
    output, _ = extract.communicate(timeout=300)
    assert extract.returncode == 0, output.decode()
    assert b"1820 images through the network" in output
    for name in ("features", "pixels"):
        assert (folder / f"data/{name}.npz").read_bytes() == (folder / f"data/{name}-expected.npz").read_bytes()


def test_two_nodes_give_the_bytes_of_one_machine(prepared, cluster):
    nodes, seen = raylets(cluster), set()
    extract = start(prepared, cluster.address)
    while extract.poll() is None:
        seen |= {node.pid for node in nodes if busy_workers(node)}
        time.sleep(0.05)
    assert_bytes_of_one_machine(extract, prepared)
    assert seen == {node.pid for node in nodes}

    refused = run(sys.executable, "-c", EXTRACT_A_BROKEN_IMAGE, cwd=prepared, RAY_ADDRESS=cluster.address)
    assert refused.returncode == 1
    assert refused.stderr.startswith("error: an image of the data set cannot be decoded: ")
    assert refused.stderr.count("\n") == 1


def test_a_network_from_a_file_sees_all_bands_on_a_cluster(cluster, tmp_path):
    params = settings(EXPORTED / "bands.onnx", bands=list(EUROSAT), mean=0.5, std=0.2)
    save_onnx_backbone(tmp_path, read(params), params.onnx)
    result = run(sys.executable, "-c", EXTRACT_ALL_BANDS, str(tmp_path), cwd=REPOSITORY, RAY_ADDRESS=cluster.address)
    assert result.returncode == 0, result.stderr


def test_a_killed_worker_and_a_killed_node_change_nothing(prepared, cluster):
    head, other = raylets(cluster)
    extract = start(prepared, cluster.address)
    killed = []
    while extract.poll() is None and len(killed) < 2:
        node = other if killed else head
        workers = busy_workers(node)
        if workers:
            victims = [node, *node.children(recursive=True)] if killed else workers
            for process in victims:
                os.kill(process.pid, signal.SIGKILL)
            killed.append(victims)
        time.sleep(0.02)
    assert_bytes_of_one_machine(extract, prepared)
    assert len(killed) == 2


@pytest.mark.parametrize(
    ("is_installed", "message"),
    [
        (
            True,
            r"no cluster answers at .127.0.0.1:9. \(.*refused\); allowed: auto, .*; without a cluster, unset .*",
        ),
        (False, r"Ray is not installed; run pip install 'ray\[default\]'"),
    ],
    ids=["no cluster", "no Ray"],
)
def test_a_missing_cluster_or_ray_gives_one_line(prepared, tmp_path, is_installed, message):
    if not is_installed:
        (tmp_path / "ray.py").write_text("raise ImportError")
    command = (sys.executable, "-m", "stages.extract")
    result = run(*command, cwd=prepared, RAY_ADDRESS="127.0.0.1:9", PYTHONPATH="" if is_installed else str(tmp_path))
    assert result.returncode == 1
    assert re.fullmatch(f"error: RAY_ADDRESS.*{message}\n", result.stderr)
