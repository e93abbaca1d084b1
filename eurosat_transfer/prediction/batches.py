"""Batches of images of the same size, from images of any size."""

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np

from eurosat_transfer.prediction.inference import Classifier, Outputs, batch_size

CHUNK = 256  # images among which those of the same size are collected


def classify_images(classifier: Classifier, images: Iterable[np.ndarray]) -> Iterator[Outputs]:
    """Classify images of any size.

    Args:
        classifier: a saved classifier.
        images: uint8, (height, width, 3), RGB.

    Yields:
        The outputs of up to CHUNK images, in the order of the images.
    """
    remaining = iter(images)
    return classify_chunks(classifier, iter(lambda: list(islice(remaining, CHUNK)), []))


def classify_chunks(classifier: Classifier, chunks: Iterable[Iterable[np.ndarray | None]]) -> Iterator[Outputs]:
    """Classify chunks of images. The next chunk begins before the last one is finished, so that no core is idle.

    Args:
        classifier: a saved classifier.
        chunks: images, uint8, (height, width, 3), RGB, of any size; or None where an image is missing.

    Yields:
        The outputs of each chunk, in order. The rows of missing images are NaN.
    """
    open_chunks: deque[_Chunk] = deque()
    sent: deque[tuple[_Chunk, list[int]]] = deque()

    def batches() -> Iterator[np.ndarray]:
        for images in chunks:
            chunk = _Chunk(classifier.classes)
            open_chunks.append(chunk)
            for positions, batch in chunk.divide(images):
                sent.append((chunk, positions))
                yield batch

    for outputs in classifier.classify(batches()):
        chunk, positions = sent.popleft()
        chunk.results.append((positions, outputs))
        while open_chunks and open_chunks[0].is_finished():
            yield open_chunks.popleft().outputs()
    while open_chunks:  # without any image
        yield open_chunks.popleft().outputs()


class _Chunk:
    """Images whose outputs are returned together.

    Attributes:
        results: the positions of the images of a batch, and their outputs.
    """

    def __init__(self, classes: int):
        self.results: list[tuple[list[int], Outputs]] = []
        self._classes = classes
        self._count: int | None = None  # until all images have come
        self._sent = 0

    def divide(self, images: Iterable[np.ndarray | None]) -> Iterator[tuple[list[int], np.ndarray]]:
        """Divide images into batches of the same shape: their positions, and the batch."""
        by_shape: dict[tuple[int, ...], list[tuple[int, np.ndarray]]] = {}
        count = 0
        for position, image in enumerate(images):
            count += 1
            if image is None:
                continue
            group = by_shape.setdefault(image.shape, [])
            group.append((position, image))
            if len(group) == batch_size(image.shape):
                yield self._stack(by_shape.pop(image.shape))
        yield from map(self._stack, by_shape.values())
        self._count = count

    def _stack(self, group: list[tuple[int, np.ndarray]]) -> tuple[list[int], np.ndarray]:
        self._sent += 1
        return [position for position, _ in group], np.stack([image for _, image in group])

    def is_finished(self) -> bool:
        """Tell whether the outputs of all images have come."""
        return self._count is not None and len(self.results) == self._sent

    def outputs(self) -> Outputs:
        """Return the outputs in the order of the images."""
        probabilities = np.full((self._count or 0, self._classes), np.nan, np.float32)
        distances = np.full(self._count or 0, np.nan, np.float32)
        for positions, outputs in self.results:
            probabilities[positions], distances[positions] = outputs
        return Outputs(probabilities, distances)
