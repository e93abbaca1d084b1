"""A sample of a scene, taken before it is classified."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from eurosat_transfer.data.tile_statistics import LEVELS, count_levels
from eurosat_transfer.prediction.scene_reader import Scene

SIDE = 512  # pixels of the squares that are read at a time
READ_ALL = 64  # squares; of a scene with more, only some rows and columns of squares are read
LINES = 4  # rows of squares, and columns of squares
VALUES = 20_000  # pixels whose values are kept, about


class SceneSample(NamedTuple):
    """What a scene looks like.

    Attributes:
        histograms: int64, (3, 256): how often each value occurs in red, green and blue as the classifier sees them,
            without the pixels without data.
        values: (3, n), values of some pixels before scaling, with the offset, from all over the scene.
        pixels: number of pixels that were read.
        zeros: how many of them are 0 in red, green and blue and count as data.
    """

    histograms: np.ndarray
    values: np.ndarray
    pixels: int
    zeros: int


def sample_scene(scene: Scene) -> SceneSample:
    """Read a sample of a scene: all of a small one, and some rows and columns of squares of a large one.

    Rows and columns are read in their full length, so a missing line or column crosses some of them.

    Args:
        scene: an open scene.

    Raises:
        UserError: the file is damaged, or its values are not of 8 bits and there is no scale.
    """
    squares = list(_choose_squares(scene.height, scene.width))
    pixels = sum(height * width for _, _, height, width in squares)
    step = max(1, pixels // VALUES) | 1  # odd, so that the pixels are not all in the same columns of the squares
    histograms, values, zeros = np.zeros((3, LEVELS), np.int64), [], 0
    for square in squares:
        part = scene.read(*square)
        valid = ~part.missing
        histograms += count_levels(part.image[valid])
        raw = part.raw[:, valid]
        values.append(scene.add_offset(raw[:, None, step // 2 :: step])[:, 0].copy())
        zeros += int((raw == 0).all(axis=0).sum())
    return SceneSample(histograms, np.concatenate(values, axis=1), pixels, zeros)


def describe_zeros(sample: SceneSample) -> str | None:
    """Say what to do about pixels of zeros in a scene that does not say which pixels have no data.

    Args:
        sample: of such a scene.

    Returns:
        One line, or None if there are no such pixels.
    """
    if not sample.zeros:
        return None
    return (
        f"{sample.zeros} of {sample.pixels} pixels are 0 in all three bands, and the scene does not say which pixels "
        "have no data: they are classified as black; if they are gaps, give --nodata 0"
    )


def _choose_squares(height: int, width: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield first row, first column, height and width of each square, row by row. Those at the edges are smaller."""
    rows, columns = range(0, height, SIDE), range(0, width, SIDE)
    if len(rows) * len(columns) <= READ_ALL:
        chosen_rows, chosen_columns = set(rows), set(columns)
    else:
        chosen_rows, chosen_columns = _spread(rows), _spread(columns)
    for top in rows:
        for left in columns:
            if top in chosen_rows or left in chosen_columns:
                yield top, left, min(SIDE, height - top), min(SIDE, width - left)


def _spread(starts: Sequence[int]) -> set[int]:
    """Choose some starts at equal distances."""
    return {starts[int((line + 0.5) * len(starts) / LINES)] for line in range(LINES)}
