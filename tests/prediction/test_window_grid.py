"""The windows of a scene, and the cells that they cover."""

import numpy as np
import pytest

from eurosat_transfer.errors import UserError
from eurosat_transfer.prediction.scene_windows import kept_pixels
from eurosat_transfer.prediction.window_grid import Axis, make_grid

AXES = [
    Axis(length, window, stride)
    for length, window, stride in [(64, 64, 64), (64, 64, 32), (100, 64, 32), (128, 64, 64), (129, 64, 64), (97, 10, 7),
                                   (50, 20, 1), (41, 20, 20), (21, 20, 20)]
]  # fmt: skip


@pytest.mark.parametrize("axis", AXES)
def test_windows_lie_inside_and_cover_every_pixel(axis):
    covered = np.zeros(axis.length, bool)
    for start in axis.starts:
        assert 0 <= start <= axis.length - axis.window
        covered[start : start + axis.window] = True
    assert covered.all()
    assert (np.diff(axis.starts) > 0).all()
    assert (np.diff(axis.starts)[:-1] == axis.stride).all()  # only the last one is shifted


@pytest.mark.parametrize("axis", AXES)
def test_the_windows_of_a_cell_are_those_that_contain_it(axis):
    for low, high, first, after in zip(axis.edges[:-1], axis.edges[1:], *axis.covering, strict=True):
        containing = [i for i, start in enumerate(axis.starts) if start <= low and high <= start + axis.window]
        assert containing == list(range(first, after))
        assert containing


@pytest.mark.parametrize("axis", AXES)
def test_every_row_of_pixels_is_kept_with_one_row_of_windows_that_contains_it(axis):
    kept = []
    for row, start in enumerate(axis.starts):
        first, after = kept_pixels(axis, row)
        assert first == after or start <= first < after <= start + axis.window
        kept += range(first, after)
    assert kept == list(range(axis.length))


@pytest.mark.parametrize(
    ("window", "stride", "message"),
    [
        (71, 8, "a window of 71 pixels does not fit into the scene, which has 90 x 70 pixels; allowed: 1 to 70"),
        (0, 1, "a window of 0 pixels"),
        (16, 17, "a stride of 17 pixels is not possible with a window of 16 pixels; allowed: 1 to 16"),
        (16, 0, "a stride of 0 pixels"),
    ],
)
def test_windows_that_do_not_cover_a_scene_are_refused(window, stride, message):
    with pytest.raises(UserError, match=message):
        make_grid(70, 90, window, stride)
