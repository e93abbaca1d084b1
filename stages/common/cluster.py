"""A network applied to encoded images by the nodes of a Ray cluster.

RAY_ADDRESS   the cluster: auto, host:port or ray://host:port, as Ray has it. Only where it is set is this imported.

A node needs this project's packages, but neither its code nor its data: both are sent.
"""

import os
import socket
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from stages.common import inference
from stages.common.stage import UserError

try:
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
except ImportError:
    raise UserError("RAY_ADDRESS is set, but Ray is not installed: pip install 'ray[default]'") from None

CHUNK, LARGEST = 256, 2**25  # images sent at once, or bytes, whichever is less
AHEAD = 3  # chunks a node, sent or not yet fetched
RETRIES = 10  # of a chunk, each on account of a worker or node lost
PATIENCE = 5  # seconds to connect


class Cluster:
    """The nodes at RAY_ADDRESS, and the network that the backbone stage saved."""

    def __init__(self, preprocess: bool, folder: Path = Path("data/backbone")):
        """Connect, and send the network; preprocess, folder: as of inference.load.

        Raises:
            UserError: no such cluster, or a node that cannot do it.
        """
        _connect()
        nodes = {n["NodeID"]: int(n["Resources"].get("CPU", 0)) for n in ray.nodes() if n["Alive"]}
        # A task takes a whole node, and its cores are the network's; where nodes differ, the larger take several.
        self.cores = min(filter(None, nodes.values()), default=0)
        if not self.cores:
            raise UserError("RAY_ADDRESS: no node of the cluster has a CPU to offer")
        self.network = ray.put({p.name: p.read_bytes() for p in folder.iterdir()}), preprocess, self.cores
        on = [NodeAffinitySchedulingStrategy(node, soft=True) for node, cores in nodes.items() if cores]
        found = _fetch([_engine.options(num_cpus=0, scheduling_strategy=node).remote() for node in on])
        engines = sorted(map(list, set(map(tuple, found))))
        if len(engines) > 1:
            print(f"the nodes differ, so last bits depend on which of them computed an image: {engines}", flush=True)
        self.engine = list(chain(*engines))  # as inference.engine

    def stream(self, images: Iterable[bytes]) -> Iterator[np.ndarray]:
        """Apply the network to encoded images, read ahead as far as the nodes need to be kept busy.

        Yields:
            float32, (d,), for each image in turn.

        Raises:
            UserError: an image does not decode; the cluster is lost.
        """
        task, sent = _rows.options(num_cpus=self.cores), deque()
        for chunk in _chunks(images):
            sent.append(task.remote(self.network, chunk))
            while len(sent) >= AHEAD * max(1, ray.cluster_resources().get("CPU", 0) // self.cores):
                yield from _fetch(sent.popleft())
        while sent:
            yield from _fetch(sent.popleft())


def _connect() -> None:
    address = os.environ["RAY_ADDRESS"]
    host, _, port = address.rpartition("//")[2].rpartition(":")
    code = {"py_modules": [str(Path(__file__).resolve().parents[1])]}
    try:
        if host:  # Ray itself would try for minutes
            socket.create_connection((host, int(port)), PATIENCE).close()
        ray.init(address, runtime_env=code, log_to_driver=False, logging_level="ERROR", configure_logging=False)
    except (OSError, ValueError, RuntimeError) as error:
        allowed = "allowed: auto, host:port, ray://host:port"
        raise UserError(f"RAY_ADDRESS: no cluster at {address!r}: {_first_line(error)}; {allowed}") from None


def _chunks(images: Iterable[bytes]) -> Iterator[list[bytes]]:
    chunk, size = [], 0
    for image in images:
        chunk.append(image)
        size += len(image)
        if len(chunk) == CHUNK or size >= LARGEST:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _fetch(results: ray.ObjectRef | list[ray.ObjectRef]) -> Any:
    try:
        return ray.get(results)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, UserError):
            raise UserError(str(error.cause)) from None
        raise
    except ray.exceptions.RayError as error:
        raise UserError(f"RAY_ADDRESS: the cluster failed: {_first_line(error)}") from None


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


@ray.remote(max_retries=RETRIES)
def _engine() -> list[str]:
    return inference.engine()


@ray.remote(max_retries=RETRIES)
def _rows(network: tuple[ray.ObjectRef, bool, int], images: list[bytes]) -> np.ndarray:
    return np.stack(list(_load(*network).stream(images)))


@cache  # a worker keeps it from chunk to chunk
def _load(files: ray.ObjectRef, preprocess: bool, threads: int) -> inference.Network:
    with tempfile.TemporaryDirectory() as folder:
        for name, content in ray.get(files).items():
            (Path(folder) / name).write_bytes(content)
        return inference.load(preprocess, Path(folder), threads)
