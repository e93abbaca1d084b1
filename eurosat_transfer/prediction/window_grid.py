"""The places of the windows that slide over a scene."""

from typing import NamedTuple

import numpy as np

from eurosat_transfer.errors import UserError


class Axis(NamedTuple):
    """The windows along one axis of a scene, and the cells into which their step divides it.

    Attributes:
        length: of the scene in pixels.
        window: size of a window in pixels.
        stride: step between windows, and size of a cell, in pixels. The last cell can be smaller.
    """

    length: int
    window: int
    stride: int

    @property
    def starts(self) -> np.ndarray:
        """First pixel of each window, int64. The last window is shifted inside, so that it ends with the scene."""
        last = self.length - self.window
        regular = np.arange(0, last + 1, self.stride)
        return regular if regular[-1] == last else np.append(regular, last)

    @property
    def edges(self) -> np.ndarray:
        """First pixel of each cell, and the end of the scene, int64, (cells + 1,)."""
        return np.append(np.arange(0, self.length, self.stride), self.length)

    @property
    def covering(self) -> tuple[np.ndarray, np.ndarray]:
        """The windows that contain each cell as a whole: two int64, (cells,), of the first one and the one after all.

        Each cell is in at least one window, because a stride is not larger than a window.
        """
        first = np.searchsorted(self.starts, self.edges[1:] - self.window)
        after = np.searchsorted(self.starts, self.edges[:-1], side="right")
        return first, after


class Grid(NamedTuple):
    """The windows that slide over a scene, row by row.

    Attributes:
        rows: windows from top to bottom.
        columns: windows from left to right.
    """

    rows: Axis
    columns: Axis

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and columns of windows."""
        return len(self.rows.starts), len(self.columns.starts)


def make_grid(height: int, width: int, window: int, stride: int) -> Grid:
    """Lay windows over a scene.

    Args:
        height: of the scene in pixels.
        width: of the scene in pixels.
        window: height and width of a window in pixels.
        stride: step between windows in pixels.

    Raises:
        UserError: a window is larger than the scene, or a stride would leave pixels between windows.
    """
    if not 1 <= window <= min(height, width):
        raise UserError(
            f"a window of {window} pixels does not fit into the scene, which has {width} x {height} pixels; allowed: "
            f"1 to {min(height, width)}; give a smaller --window, or a larger scene"
        )
    if not 1 <= stride <= window:
        raise UserError(
            f"a stride of {stride} pixels is not possible with a window of {window} pixels; allowed: 1 to {window}, "
            "because a larger stride would leave pixels between the windows"
        )
    return Grid(Axis(height, window, stride), Axis(width, window, stride))
