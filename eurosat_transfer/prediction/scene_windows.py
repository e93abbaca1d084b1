"""The classification of the windows of a scene, row by row."""

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from eurosat_transfer.prediction.batches import classify_chunks
from eurosat_transfer.prediction.gaps import fill_gaps
from eurosat_transfer.prediction.inference import Classifier
from eurosat_transfer.prediction.scene_reader import Part, Scene
from eurosat_transfer.prediction.window_grid import Axis, Grid
from eurosat_transfer.prediction.window_store import WindowRow, pack_missing

READ_AHEAD = 3  # rows of windows


class ReadRow(NamedTuple):
    """A row of windows before it is classified.

    Attributes:
        part: the pixels of the whole row.
        lefts: first column of each window.
        accepted: bool, (columns,): the windows that are not left out.
        complete: bool, (columns,): the windows without gaps.
        missing: the pixels without data that are kept with this row, packed.
    """

    part: Part
    lefts: np.ndarray
    accepted: np.ndarray
    complete: np.ndarray
    missing: np.ndarray

    def image(self, number: int) -> np.ndarray:
        """Cut out a window, uint8, (window, window, 3), and fill its gaps."""
        columns = slice(self.lefts[number], self.lefts[number] + len(self.part.image))
        image = self.part.image[:, columns]
        return image if self.complete[number] else fill_gaps(image, self.part.missing[:, columns])

    def images(self, wanted: np.ndarray) -> list[np.ndarray | None]:
        """Cut out the accepted windows among those that are wanted, bool, (columns,). None stands for the others."""
        chosen = self.accepted & wanted
        return [self.image(number) if chosen[number] else None for number in range(len(self.lefts))]


def classify_rows(
    scene: Scene, grid: Grid, rows: Iterable[int], classifier: Classifier, max_nodata: float
) -> Generator[tuple[int, WindowRow]]:
    """Classify the windows of some rows. A thread reads ahead.

    Args:
        scene: an open scene.
        grid: the windows.
        rows: numbers of the rows, ascending.
        classifier: a saved classifier.
        max_nodata: a window with a larger share of pixels without data is left out.

    Yields:
        The number of a row and its content, in the order of the rows.

    Raises:
        UserError: the scene is damaged.
    """
    waiting: deque[tuple[int, np.ndarray]] = deque()

    def all_images() -> Iterator[list[np.ndarray | None]]:
        for row, images, missing in _read_ahead(scene, grid, rows, max_nodata):
            waiting.append((row, missing))
            yield images

    for outputs in classify_chunks(classifier, all_images()):
        row, missing = waiting.popleft()
        yield row, WindowRow(outputs.probabilities, outputs.distances, missing)


def kept_pixels(axis: Axis, row: int) -> tuple[int, int]:
    """Say for which rows of pixels a row of windows keeps the pixels without data.

    Each row of cells belongs to the last row of windows that contains it.

    Args:
        axis: the windows from top to bottom.
        row: of windows.

    Returns:
        The first row of pixels, and the one after all.
    """
    first, after = np.searchsorted(axis.covering[1] - 1, [row, row + 1])
    return int(axis.edges[first]), int(axis.edges[after])


def _read_ahead(
    scene: Scene, grid: Grid, rows: Iterable[int], max_nodata: float
) -> Iterator[tuple[int, list[np.ndarray | None], np.ndarray]]:
    """Read rows of windows in a thread. Yield their numbers, images and packed pixels without data, in order."""

    def read(row: int) -> tuple[int, list[np.ndarray | None], np.ndarray]:
        content = read_row(scene, grid, row, max_nodata)
        return row, content.images(content.accepted), content.missing

    ahead: deque[Future[tuple[int, list[np.ndarray | None], np.ndarray]]] = deque()
    with ThreadPoolExecutor(1) as pool:
        for row in rows:
            ahead.append(pool.submit(read, row))
            if len(ahead) > READ_AHEAD:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def read_row(scene: Scene, grid: Grid, row: int, max_nodata: float) -> ReadRow:
    """Read a row of windows.

    Args:
        scene: an open scene.
        grid: the windows.
        row: number of the row.
        max_nodata: a window with a larger share of pixels without data is left out.

    Raises:
        UserError: the scene is damaged.
    """
    top, window, lefts = int(grid.rows.starts[row]), grid.rows.window, grid.columns.starts
    part = scene.read(top, 0, window, scene.width)
    sums = np.append(0, np.cumsum(np.count_nonzero(part.missing, axis=0)))
    gaps = sums[lefts + window] - sums[lefts]
    accepted = (gaps <= max_nodata * window**2) & (gaps < window**2)
    first, after = kept_pixels(grid.rows, row)
    kept = part.missing[first - top : after - top] if first < after else part.missing[:0]
    return ReadRow(part, lefts, accepted, gaps == 0, pack_missing(kept))
