"""The cells of a map: squares of one class, of the size of the step between windows."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from eurosat_transfer.evaluation.conformal import is_unsure, prediction_sets
from eurosat_transfer.prediction.scene_windows import kept_pixels
from eurosat_transfer.prediction.window_grid import Grid
from eurosat_transfer.prediction.window_store import WindowRow, unpack_missing

NODATA = 255  # of classes and codes
SURE, UNSURE, UNFAMILIAR = 0, 1, 2  # codes


class CellRow(NamedTuple):
    """A row of cells.

    Attributes:
        labels: uint8, (columns,). NODATA where no window was accepted.
        probabilities: float32, (columns,), of the labels. NaN where no window was accepted.
        codes: uint8, (columns,): SURE, UNSURE (the prediction set has not exactly one class), UNFAMILIAR, or NODATA.
        missing: bool, (pixels in height, pixels in width): the pixels without data.
    """

    labels: np.ndarray
    probabilities: np.ndarray
    codes: np.ndarray
    missing: np.ndarray


def label_cells(
    grid: Grid, load: Callable[[int], WindowRow], classes: int, score_limit: float, distance_limit: float
) -> Iterator[CellRow]:
    """Compute the classes of cells, row by row.

    Probabilities and distances of a cell are the means over the accepted windows that contain it as a whole.

    Args:
        grid: the windows.
        load: reads a row of windows.
        classes: number of classes.
        score_limit: largest score of a class in a prediction set.
        distance_limit: a cell with a larger distance is unfamiliar.

    Yields:
        The rows of cells, from top to bottom.
    """
    first, after = grid.columns.covering
    rows: dict[int, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}
    for cell, (top, bottom) in enumerate(zip(*grid.rows.covering, strict=True)):
        for row in range(top, bottom):
            if row not in rows:
                rows[row] = _sum_columns(load(row), classes, first, after)
        rows = {row: rows[row] for row in range(top, bottom)}
        sums, counts = np.zeros((len(first), classes + 1)), np.zeros(len(first), np.int64)
        for of_row, count, _ in rows.values():
            sums += of_row
            counts += count
        means = sums / np.maximum(counts, 1)[:, None]
        start, end = kept_pixels(grid.rows, bottom - 1)
        missing = unpack_missing(rows[bottom - 1][2], end - start, grid.columns.length)
        edges = grid.rows.edges[cell : cell + 2] - start
        yield _label(means, counts > 0, score_limit, distance_limit, missing[edges[0] : edges[1]])


def _sum_columns(
    row: WindowRow, classes: int, first: np.ndarray, after: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sum probabilities and distance of the windows of a row by column of cells, and count the windows."""
    accepted = ~np.isnan(row.distances)
    values = np.zeros((len(accepted), classes + 1))
    if accepted.any():
        values[accepted] = np.column_stack([row.probabilities, row.distances])[accepted]
    sums, counts = np.zeros((len(first), classes + 1)), np.zeros(len(first), np.int64)
    for offset in range(int((after - first).max())):
        inside = first + offset < after
        windows = first[inside] + offset
        sums[inside] += values[windows]
        counts[inside] += accepted[windows]
    return sums, counts, row.missing


def _label(
    means: np.ndarray, covered: np.ndarray, score_limit: float, distance_limit: float, missing: np.ndarray
) -> CellRow:
    probabilities, distances = means[:, :-1].astype(np.float32), means[:, -1]
    unsure = is_unsure(prediction_sets(probabilities, score_limit))
    codes = np.where(distances > distance_limit, UNFAMILIAR, np.where(unsure, UNSURE, SURE))
    labels = probabilities.argmax(axis=1)
    return CellRow(
        np.where(covered, labels, NODATA).astype(np.uint8),
        np.where(covered, probabilities.max(axis=1), np.float32(np.nan)).astype(np.float32),
        np.where(covered, codes, NODATA).astype(np.uint8),
        missing,
    )
