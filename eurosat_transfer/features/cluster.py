"""Extraction on the nodes of a Ray cluster.

RAY_ADDRESS   address of the cluster: auto, host:port or ray://host:port, as Ray defines it.

This module is imported only if RAY_ADDRESS is set. A node needs the packages of requirements.lock. It needs neither the
project's code nor its data, because this machine sends both.
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

from eurosat_transfer.errors import UserError

# The import of TensorFlow takes seconds. This machine starts it on the nodes first, and then imports TensorFlow itself.
# So features.inference is imported inside of functions.
if TYPE_CHECKING:
    from eurosat_transfer.features.inference import Extracted, Network

try:
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
except ImportError:
    raise UserError("RAY_ADDRESS is set, but Ray is not installed; run pip install 'ray[default]'") from None

MAX_IMAGES_PER_CHUNK, MAX_BYTES_PER_CHUNK = 256, 2**25
CHUNKS_PER_TASK = 3  # one is computed, the others wait for it
MAX_RETRIES = 10  # of a task whose worker or node is lost
CONNECT_TIMEOUT = 5  # seconds
BACKBONE = Path("data/backbone")


class Cluster:
    """The cluster at RAY_ADDRESS, with the network that the backbone stage saved.

    Use it in a with statement, which disconnects at its end.
    """

    def __init__(self, preprocess: bool, folder: Path = BACKBONE):
        """Connect, send the network, and let each node load it.

        Args:
            preprocess: as for features.inference.load_network.
            folder: where the network was saved.

        Raises:
            UserError: no cluster answers, or it has no CPU.
        """
        _connect()
        nodes = {n["NodeID"]: int(n["Resources"].get("CPU", 0)) for n in ray.nodes() if n["Alive"]}
        # A task uses as many cores as the smallest node has. A larger node runs several tasks.
        self._cores = min(filter(None, nodes.values()), default=0)
        if not self._cores:
            raise UserError("RAY_ADDRESS: no node of the cluster has a CPU; needed: a node with num_cpus of 1 or more")
        each_node = [NodeAffinitySchedulingStrategy(node, soft=True) for node, cores in nodes.items() if cores]
        self._network = ray.put({path.name: path.read_bytes() for path in folder.iterdir()}), preprocess, self._cores
        self._descriptions = [
            _describe_engine.options(num_cpus=0, scheduling_strategy=strategy).remote(self._network)
            for strategy in each_node
        ]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        ray.shutdown()

    @property
    def engine(self) -> list[str]:
        """What features.inference.Network.engine says on each node. Nodes that say the same are named once.

        Raises:
            UserError: a node lacks packages.
        """
        return list(chain(*self._engines))

    @cached_property
    def _engines(self) -> tuple[tuple[str, ...], ...]:
        from eurosat_transfer.features import inference

        engines = tuple(sorted(set(_fetch(self._descriptions))))
        here = tuple(inference.describe_engine())
        if len(engines) > 1 or engines[0][: len(here)] != here:
            print(f"warning: the last bits of features may differ, because the nodes differ: {engines}", flush=True)
        return engines

    def extract(self, images: Iterable[tuple[int, bytes]], pixel_size: int) -> Iterator["Extracted"]:
        """Compute the features and the raw pixels of images. Only as many are read ahead as keep the nodes busy.

        Args:
            images: pairs of a key and an encoded image.
            pixel_size: pixels per side of the small copy of the image.

        Yields:
            The features and the pixels of an image with its key, in the order of images.

        Raises:
            UserError: an image does not decode, or the cluster is lost.
        """
        from eurosat_transfer.features.inference import Extracted

        task: Any = _extract_chunk.options(num_cpus=self._cores)
        sent: deque[ray.ObjectRef] = deque()
        for chunk in _chunks(images):
            sent.append(task.remote(self._network, self._engines, chunk, pixel_size))
            cores = ray.cluster_resources().get("CPU", 0)
            while len(sent) >= CHUNKS_PER_TASK * max(1, cores // self._cores):
                yield from map(Extracted._make, _fetch(sent.popleft()))
        while sent:
            yield from map(Extracted._make, _fetch(sent.popleft()))


def _connect() -> None:
    address = os.environ["RAY_ADDRESS"]
    host, _, port = address.rpartition("//")[2].rpartition(":")
    code = {"py_modules": [str(Path(__file__).resolve().parents[1])]}
    try:
        if host:  # ray.init would try for minutes
            socket.create_connection((host, int(port)), CONNECT_TIMEOUT).close()
        ray.init(address, runtime_env=code, log_to_driver=False, configure_logging=False)
    except (OSError, ValueError, RuntimeError) as error:
        allowed = "allowed: auto, host:port, ray://host:port"
        raise UserError(f"RAY_ADDRESS: no cluster answers at {address!r} ({_first_line(error)}); {allowed}") from None


def _chunks(images: Iterable[tuple[int, bytes]]) -> Iterator[list[tuple[int, bytes]]]:
    chunk: list[tuple[int, bytes]] = []
    size = 0
    for key, image in images:
        chunk.append((key, image))
        size += len(image)
        if len(chunk) == MAX_IMAGES_PER_CHUNK or size >= MAX_BYTES_PER_CHUNK:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _fetch(results: "ray.ObjectRef | list[ray.ObjectRef]") -> Any:
    try:
        return ray.get(results)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, UserError):
            raise error.cause from None
        reason = str(error).strip().splitlines()[-1]
        if reason.startswith(("ModuleNotFoundError: ", "ImportError: ")):
            raise UserError(f"RAY_ADDRESS: a node lacks packages of requirements.lock ({reason})") from None
        raise
    except (ray.exceptions.RayError, ConnectionError) as error:
        raise UserError(f"RAY_ADDRESS: the cluster failed ({_first_line(error)}); start it and run again") from None


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


@ray.remote(max_retries=MAX_RETRIES)
def _describe_engine(network: tuple) -> tuple[str, ...]:
    return tuple(_load(*network).engine)


@ray.remote(max_retries=MAX_RETRIES)
def _extract_chunk(
    network: tuple, engines: tuple[tuple[str, ...], ...], images: list[tuple[int, bytes]], pixel_size: int
) -> list[tuple]:
    loaded = _load(*network)
    if tuple(loaded.engine) not in engines:
        raise UserError("RAY_ADDRESS: a node with other software or hardware has joined the cluster; run again")
    return [tuple(extracted) for extracted in loaded.extract(images, pixel_size)]


@cache  # a worker process loads the network once for all chunks
def _load(files: "ray.ObjectRef", preprocess: bool, threads: int) -> "Network":
    from eurosat_transfer.features import inference

    with tempfile.TemporaryDirectory() as folder:
        for name, content in ray.get(files).items():
            (Path(folder) / name).write_bytes(content)
        return inference.load_network(preprocess, Path(folder), threads)
