"""A network applied to encoded images by the nodes of a Ray cluster.

RAY_ADDRESS   the cluster: auto, host:port or ray://host:port, as Ray has it. Only where it is set is this imported.

A node needs this project's packages, but neither its code nor its data: both are sent.
"""

import os
import socket
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator
from functools import cache, cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from stages.common.stage import UserError

if TYPE_CHECKING:  # it takes seconds to import, which pass here and on the nodes at the same time
    from stages.common.inference import Network

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
    """The nodes at RAY_ADDRESS, and the network that the backbone stage saved, until the end of a with statement."""

    def __init__(self, preprocess: bool, folder: Path = Path("data/backbone")):
        """Connect, send the network, and have the nodes import TensorFlow; preprocess, folder: as of inference.load.

        Raises:
            UserError: no such cluster.
        """
        _connect()
        nodes = {n["NodeID"]: int(n["Resources"].get("CPU", 0)) for n in ray.nodes() if n["Alive"]}
        # A task takes a whole node, and its cores are the network's; where nodes differ, the larger take several.
        self.cores = min(filter(None, nodes.values()), default=0)
        if not self.cores:
            raise UserError("RAY_ADDRESS: no node of the cluster has a CPU to offer")
        on = [NodeAffinitySchedulingStrategy(node, soft=True) for node, cores in nodes.items() if cores]
        self.asked = [_engine.options(num_cpus=0, scheduling_strategy=node).remote() for node in on]
        self.files, self.preprocess = ray.put({path.name: path.read_bytes() for path in folder.iterdir()}), preprocess

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        ray.shutdown()

    @property
    def engine(self) -> list[str]:
        """As inference.engine, of all nodes that differ; UserError: a node cannot do it."""
        return list(chain(*self._engines))

    @cached_property
    def _engines(self) -> tuple[tuple[str, ...], ...]:
        from stages.common import inference

        engines = tuple(sorted(set(_fetch(self.asked))))
        others = [engine for engine in engines if engine != tuple(inference.engine())]
        if others:
            print(f"nodes that are not as this machine may compute other last bits: {others}", flush=True)
        return engines

    def stream(self, images: Iterable[bytes]) -> Iterator[np.ndarray]:
        """Apply the network to encoded images, read ahead as far as the nodes need to be kept busy.

        Yields:
            float32, (d,), for each image in turn.

        Raises:
            UserError: an image does not decode; the cluster is lost.
        """
        task, sent = _rows.options(num_cpus=self.cores), deque()
        network = self.files, self.preprocess, self.cores, self._engines
        for chunk in _chunks(images):
            sent.append(task.remote(network, chunk))
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
        last = str(error).strip().splitlines()[-1]
        if last.startswith(("ModuleNotFoundError: ", "ImportError: ")):
            raise UserError(f"RAY_ADDRESS: a node lacks packages of requirements.lock: {last}") from None
        raise
    except (ray.exceptions.RayError, ConnectionError) as error:
        raise UserError(f"RAY_ADDRESS: the cluster failed: {_first_line(error)}") from None


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


@ray.remote(max_retries=RETRIES)
def _engine() -> tuple[str, ...]:
    from stages.common import inference

    return tuple(inference.engine())


@ray.remote(max_retries=RETRIES)
def _rows(network: tuple, images: list[bytes]) -> np.ndarray:
    return np.stack(list(_load(*network).stream(images)))


@cache  # a worker keeps it from chunk to chunk
def _load(files: ray.ObjectRef, preprocess: bool, threads: int, engines: tuple[tuple[str, ...], ...]) -> "Network":
    from stages.common import inference

    if tuple(inference.engine()) not in engines:
        raise UserError("RAY_ADDRESS: a node unlike the others has joined meanwhile; run again, and it is one of them")
    with tempfile.TemporaryDirectory() as folder:
        for name, content in ray.get(files).items():
            (Path(folder) / name).write_bytes(content)
        return inference.load(preprocess, Path(folder), threads)
