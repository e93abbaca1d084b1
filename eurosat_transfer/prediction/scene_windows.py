"""The classification of the windows of a scene, row by row."""

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from scipy.ndimage import distance_transform_edt

from eurosat_transfer.prediction.batches import classify_chunks
from eurosat_transfer.prediction.inference import Classifier
from eurosat_transfer.prediction.scene_reader import Scene
from eurosat_transfer.prediction.window_grid import Axis, Grid
from eurosat_transfer.prediction.window_store import WindowRow, pack_missing

READ_AHEAD = 3  # rows of windows


class _Prepared(NamedTuple):
    """A row of windows before it is classified.

    Attributes:
        row: its number.
        images: uint8, (window, window, 3), or None for windows that are left out.
        missing: the pixels without data that are kept with this row, packed.
    """

    row: int
    images: list[np.ndarray | None]
    missing: np.ndarray


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

    def images() -> Iterator[list[np.ndarray | None]]:
        for prepared in _prepare_ahead(scene, grid, rows, max_nodata):
            waiting.append((prepared.row, prepared.missing))
            yield prepared.images

    for outputs in classify_chunks(classifier, images()):
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


def _prepare_ahead(scene: Scene, grid: Grid, rows: Iterable[int], max_nodata: float) -> Iterator[_Prepared]:
    """Read rows of windows in a thread, and yield them in order."""
    ahead: deque[Future[_Prepared]] = deque()
    with ThreadPoolExecutor(1) as pool:
        for row in rows:
            ahead.append(pool.submit(_prepare, scene, grid, row, max_nodata))
            if len(ahead) > READ_AHEAD:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def _prepare(scene: Scene, grid: Grid, row: int, max_nodata: float) -> _Prepared:
    """Read a row of windows, and fill the gaps of those that are not left out."""
    top, window = int(grid.rows.starts[row]), grid.rows.window
    part = scene.read(top, 0, window, scene.width)
    images: list[np.ndarray | None] = []
    for left in grid.columns.starts:
        columns = slice(left, left + window)
        image, missing = part.image[:, columns], part.missing[:, columns]
        gaps = np.count_nonzero(missing)
        if gaps > max_nodata * window**2 or gaps == window**2:
            images.append(None)
        else:
            images.append(_fill(image, missing) if gaps else image)
    first, after = kept_pixels(grid.rows, row)
    kept = part.missing[first - top : after - top] if first < after else part.missing[:0]
    return _Prepared(row, images, pack_missing(kept))


def _fill(image: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """Give each pixel without data the colour of the nearest pixel with data."""
    nearest = distance_transform_edt(missing, return_distances=False, return_indices=True)
    return image[tuple(nearest)]
