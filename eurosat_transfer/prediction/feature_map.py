"""The feature map of a whole scene, computed in tiles from top to bottom."""

import math
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from eurosat_transfer.precision import Precision
from eurosat_transfer.prediction.gaps import fill_gaps
from eurosat_transfer.prediction.network_parts import NetworkParts
from eurosat_transfer.prediction.part_inference import PartInference
from eurosat_transfer.prediction.resizing import resizing_matrix
from eurosat_transfer.prediction.scene_reader import Scene

LARGEST = 20  # places per side of a tile
MARGIN = 2  # places around a tile that are computed and not used, because the zero padding of the network changes them


class Tiling(NamedTuple):
    """The tiles along one axis of a map.

    Attributes:
        number: of tiles.
        core: places of each tile. The last tile can extend beyond the scene.
    """

    number: int
    core: int

    @property
    def side(self) -> int:
        """Places of a tile with its margins."""
        return self.core + 2 * MARGIN


def tiling(length: int, factor: float, step: int) -> Tiling:
    """Divide an axis of a map into tiles of nearly the same size.

    Args:
        length: of the scene in pixels.
        factor: pixels of the enlarged scene for each pixel.
        step: pixels of the enlarged scene for each place of the map.
    """
    places = math.ceil(length * factor / step)
    count = math.ceil(places / LARGEST)
    return Tiling(count, math.ceil(places / count))


class FeatureMap:
    """The map of a scene. It holds only the places between the rows that were asked for last.

    The network sees the enlarged scene without borders between windows. Beyond the edges of the scene, it sees the
    pixels at the edge again.
    """

    def __init__(self, scene: Scene, parts: NetworkParts, window: int, precision: Precision):
        """Compile the network for tiles.

        Args:
            scene: an open scene.
            parts: of the classifier.
            window: height and width of the windows in pixels, which the network sees enlarged to its size.
            precision: of the computation.
        """
        self._scene, self._parts = scene, parts
        self._factor = parts.size / window
        self._tile_rows, self._tile_columns = (
            tiling(length, self._factor, parts.step) for length in (scene.height, scene.width)
        )
        shape = (1, 3, self._tile_rows.side * parts.step, self._tile_columns.side * parts.step)
        self._network = PartInference(parts.feature_map, {"images": shape}, precision)
        self._first = 0  # row of tiles
        self._rows: deque[np.ndarray] = deque()

    @property
    def width(self) -> int:
        """Number of columns."""
        return self._tile_columns.number * self._tile_columns.core

    def read(self, top: int, bottom: int) -> np.ndarray:
        """Return rows of places. They must not be above those of an earlier call by more than a tile.

        Args:
            top: number of the first row.
            bottom: number after the last row.

        Returns:
            float32, (bottom - top, columns, channels).
        """
        core = self._tile_rows.core
        first, after = top // core, math.ceil(bottom / core)
        if not self._first <= first <= self._first + len(self._rows):
            self._rows.clear()
            self._first = first
        while self._first < first:
            self._rows.popleft()
            self._first += 1
        while self._first + len(self._rows) < after:
            self._rows.append(self._compute(self._first + len(self._rows)))
        start, end = top - first * core, bottom - first * core
        return np.concatenate(
            [tiles[max(0, start - number * core) : end - number * core] for number, tiles in enumerate(self._rows)]
        )

    def _compute(self, row: int) -> np.ndarray:
        """Compute a row of tiles: float32, (places of a tile, columns, channels)."""
        rows, columns = self._tile_rows, self._tile_columns
        result = np.empty((rows.core, self.width, self._parts.channels), np.float32)
        outputs = self._network.infer({"images": image} for image in self._enlarge(row))
        for number, output in enumerate(outputs):
            tile = self._parts.places_first(output["map"])[0]
            result[:, number * columns.core : (number + 1) * columns.core] = tile[MARGIN:-MARGIN, MARGIN:-MARGIN]
        return result

    def _enlarge(self, row: int) -> Iterator[np.ndarray]:
        """Read a row of tiles, and yield each of them enlarged, float32, (1, 3, height, width)."""
        rows = self._matrix(self._tile_rows, row, self._scene.height)
        top, bottom = _span(rows)
        part = self._scene.read(top, 0, bottom - top, self._scene.width)
        has_gaps = part.missing.any() and not part.missing.all()
        image = fill_gaps(part.image, part.missing) if has_gaps else part.image
        for number in range(self._tile_columns.number):
            columns = self._matrix(self._tile_columns, number, self._scene.width)
            left, right = _span(columns)
            pixels = image[:, left:right].astype(np.float32)
            tall = (rows[:, top:bottom] @ pixels.reshape(len(pixels), -1)).reshape(-1, right - left, 3)
            wide = columns[:, left:right] @ tall.transpose(1, 2, 0).reshape(right - left, -1)
            yield np.ascontiguousarray(wide.reshape(-1, 3, len(tall)).transpose(1, 2, 0))[None]

    def _matrix(self, tiles: Tiling, number: int, length: int) -> csr_array:
        """Enlarge one axis of a tile."""
        first = (number * tiles.core - MARGIN) * self._parts.step
        return resizing_matrix(length, self._factor, first, first + tiles.side * self._parts.step)


def _span(matrix: csr_array) -> tuple[int, int]:
    """Return the first column that a sparse matrix uses, and the one after all."""
    return int(matrix.indices.min()), int(matrix.indices.max()) + 1
