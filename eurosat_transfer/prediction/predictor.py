"""Predictions for image files on this machine: threads read and decode ahead of the inference."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import groupby
from typing import Any, Protocol

import numpy as np

from eurosat_transfer.data.decoding import ImageError
from eurosat_transfer.data.image_files import read_rgb
from eurosat_transfer.data.rendering import Rendering, RenderingError
from eurosat_transfer.prediction.batches import classify_chunks
from eurosat_transfer.prediction.inference import Classifier
from eurosat_transfer.prediction.progress import ChunkResults
from eurosat_transfer.prediction.sources import Source, UnreadableError, read_source

TASK = 16  # images that a thread decodes at a time; a task for each image would cost as much as decoding it
MAX_PIXELS = 2**24  # of a tile: 4,096 x 4,096

Decoded = list[np.ndarray | str]  # images, uint8, (height, width, 3), or why there is none


class Predictor(Protocol):
    """What classifies images: this machine, or a cluster."""

    def predict(self, chunks: Iterable[list[Source]]) -> Iterator[ChunkResults]:
        """Classify chunks of images, see LocalPredictor.predict."""


class LocalPredictor:
    """A saved classifier and its rendering, on this machine."""

    def __init__(
        self,
        classifier: Classifier,
        rendering: Rendering,
        read: Callable[[Any], bytes] = read_source,
        threads: int | None = None,
    ):
        """Combine a classifier with a rendering.

        Args:
            classifier: a saved classifier.
            rendering: makes RGB images of rasters.
            read: returns the content of an image file, or raises UnreadableError.
            threads: number of threads that read and decode; None: as many as there are cores.
        """
        self._classifier, self._rendering, self._read = classifier, rendering, read
        self._threads = threads or os.cpu_count() or 1

    def predict(self, chunks: Iterable[Sequence[Any]]) -> Iterator[ChunkResults]:
        """Classify chunks of images.

        Args:
            chunks: of what `read` takes: images, each a Source.

        Yields:
            The results of each chunk, in order.
        """
        problems: deque[dict[int, str]] = deque()

        def images_of_chunks() -> Iterator[Iterator[np.ndarray | None]]:
            for decoded in self._decode_ahead(chunks):
                problems.append({})
                yield _without_problems(decoded, problems[-1])

        for outputs in classify_chunks(self._classifier, images_of_chunks()):
            yield ChunkResults(outputs, problems.popleft())

    def _decode_ahead(self, chunks: Iterable[Sequence[Any]]) -> Iterator[Iterator[np.ndarray | str]]:
        """Read and decode images in threads, and yield the images of each chunk in order."""
        tasks = (
            (number, chunk[start : start + TASK])
            for number, chunk in enumerate(chunks)
            for start in range(0, len(chunk), TASK)
        )
        for _, parts in groupby(self._run_ahead(tasks), lambda pair: pair[0]):
            yield (image for _, decoded in parts for image in decoded)

    def _run_ahead(self, tasks: Iterable[tuple[int, Sequence[Any]]]) -> Iterator[tuple[int, Decoded]]:
        waiting: deque[tuple[int, Future[Decoded]]] = deque()
        with ThreadPoolExecutor(self._threads) as pool:
            for number, images in tasks:
                waiting.append((number, pool.submit(self._decode, images)))
                if len(waiting) > self._threads:
                    first, future = waiting.popleft()
                    yield first, future.result()
            while waiting:
                first, future = waiting.popleft()
                yield first, future.result()

    def _decode(self, images: Sequence[Any]) -> Decoded:
        return [self._decode_one(image) for image in images]

    def _decode_one(self, image: Any) -> np.ndarray | str:
        try:
            pixels = read_rgb(self._read(image), self._rendering)
        except (UnreadableError, ImageError) as error:
            return " ".join(str(error).split())
        except RenderingError as error:
            example = ",".join(f"{number:g}" for number in error.example)
            return f"it {error}; use --{error.option}, for example --{error.option} {example}"
        height, width, _ = pixels.shape
        if height * width > MAX_PIXELS:
            return f"it has {width} x {height} pixels; allowed for a tile: {MAX_PIXELS} pixels; for a scene, use --map"
        return pixels


def _without_problems(decoded: Iterable[np.ndarray | str], problems: dict[int, str]) -> Iterator[np.ndarray | None]:
    """Yield images, or None where there is none, and note why by its position."""
    for position, image in enumerate(decoded):
        if isinstance(image, str):
            problems[position] = image
            yield None
        else:
            yield image
