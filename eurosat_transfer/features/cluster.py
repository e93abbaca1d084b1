"""Extraction on the nodes of a Ray cluster, see eurosat_transfer.io.ray_cluster.

This module is imported only if RAY_ADDRESS is set.
"""

import tempfile
from collections.abc import Iterable, Iterator
from functools import cache, cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Self

from eurosat_transfer.errors import UserError
from eurosat_transfer.io.ray_cluster import MAX_RETRIES, RayCluster, fetch, ray

# The import of TensorFlow takes seconds. This machine starts it on the nodes first, and then imports TensorFlow itself.
# So features.inference is imported inside of functions.
if TYPE_CHECKING:
    from eurosat_transfer.features.inference import Extracted, Network
    from eurosat_transfer.precision import Precision

MAX_IMAGES_PER_CHUNK, MAX_BYTES_PER_CHUNK = 256, 2**25
BACKBONE = Path("data/backbone")


class Cluster:
    """The cluster at RAY_ADDRESS, with the network that the backbone stage saved.

    Use it in a with statement, which disconnects at its end.
    """

    def __init__(
        self,
        preprocess: bool,
        precision: "Precision",
        folder: Path = BACKBONE,
        bands: tuple[str, ...] | None = None,
    ):
        """Connect, send the network, and let each node load it.

        Args:
            preprocess: as for features.inference.load_network.
            precision: of the computation, as there.
            folder: where the network was saved.
            bands: the names of the bands of its images. None: RGB images.

        Raises:
            UserError: no cluster answers, or it has no CPU.
        """
        self._cluster = RayCluster()
        files = ray.put({path.name: path.read_bytes() for path in folder.iterdir()})
        self._network = files, preprocess, precision, self._cluster.cores, bands
        self._descriptions = self._cluster.start_on_each_node(_describe_engine, self._network)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._cluster.__exit__(*exception)

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

        engines = tuple(sorted(set(fetch(self._descriptions))))
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

        calls = ((self._network, self._engines, chunk, pixel_size) for chunk in _chunks(images))
        for extracted in self._cluster.map(_extract_chunk, calls):
            yield from map(Extracted._make, extracted)


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
def _load(
    files: "ray.ObjectRef", preprocess: bool, precision: "Precision", threads: int, bands: tuple[str, ...] | None
) -> "Network":
    from eurosat_transfer.features import inference

    with tempfile.TemporaryDirectory() as folder:
        for name, content in ray.get(files).items():
            (Path(folder) / name).write_bytes(content)
        return inference.load_network(preprocess, precision, Path(folder), threads, bands)
