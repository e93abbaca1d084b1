"""Features of the last run fill the cache only if this machine would compute the same bits."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from eurosat_transfer.features.earlier import SAMPLE, reuse_features
from eurosat_transfer.io.npz import write_npz

ROWS = {"train": range(100), "val": range(100, 103), "test": range(103, 110)}


def features_of(tile: int) -> np.ndarray:
    return np.array([tile, tile / 7, -tile], np.float32)


@pytest.fixture
def path(tmp_path) -> Path:
    """Write the file of a run in which the features of tile 5, called 5.png, are features_of(5)."""
    arrays = {}
    for subset, tiles in ROWS.items():
        arrays[f"X_{subset}"] = np.array([features_of(tile) for tile in tiles])
        arrays[f"files_{subset}"] = np.array([f"{tile}.png" for tile in tiles])
    write_npz(tmp_path / "features.npz", arrays)
    return tmp_path / "features.npz"


class Machine:
    """Computes the features of tiles, whose keys are 1000 and more, and remembers of how many."""

    def __init__(self, **changes: float):
        self.computed: list[int] = []
        self.changes = changes

    def __call__(self, keys: list[int]) -> Iterator[tuple[int, np.ndarray]]:
        for key in reversed(keys):
            self.computed.append(key)
            yield key, features_of(key - 1000) + np.float32(self.changes.get(f"tile_{key - 1000}", 0))


def reuse(path: Path, machine: Machine, tiles: list[int]) -> dict[int, list[float]]:
    names = {1000 + tile: f"{tile}.png" for tile in tiles}
    return {key: row.tolist() for key, row in reuse_features(path, names, machine)}


def test_tiles_of_the_earlier_run_get_its_features(path):
    tiles, machine = [*range(50, 110), 200], Machine()
    assert reuse(path, machine, tiles) == {1000 + tile: features_of(tile).tolist() for tile in tiles[:-1]}
    assert 0 < len(machine.computed) <= 3 * SAMPLE < len(tiles) * 2
    assert {key - 1000 for key in machine.computed} & {100, 101, 102}  # some of each subset
    assert {key - 1000 for key in machine.computed} & {*range(103, 110)}


def test_nothing_is_reused_if_one_bit_differs(path, capsys):
    assert reuse(path, Machine(tile_0=1e-3), list(range(110))) == {}
    assert "computed again" in capsys.readouterr().out


def test_the_sample_is_spread_over_the_tiles(path):
    machine = Machine()
    reuse(path, machine, list(range(100)))
    tiles = sorted(key - 1000 for key in machine.computed)
    assert tiles[0] == 0
    assert max(np.diff([*tiles, 100])) <= 100 / SAMPLE + 1


def test_a_name_that_two_tiles_have_is_ignored(path):
    names = {1001: "1.png", 1002: "2.png", 1003: "2.png"}
    assert [key for key, _ in reuse_features(path, names, Machine())] == [1001]


def test_another_number_of_features_is_not_reused(path):
    def wider(keys: list[int]) -> Iterator[tuple[int, np.ndarray]]:
        return ((key, np.append(features_of(key - 1000), 0)) for key in keys)

    assert list(reuse_features(path, {1001: "1.png"}, wider)) == []


def test_a_run_without_the_tiles_computes_nothing(path):
    machine = Machine()
    assert reuse(path, machine, [200, 201]) == {}
    assert machine.computed == []
