"""Reading a prepared data set. tests/hostile has damaged ones."""

import sys
from pathlib import Path

import pytest
from conftest import REPOSITORY, run, write_tree
from image_archives import prepared

from eurosat_transfer.data.dataset import TileDataset


@pytest.fixture
def folder(tmp_path):
    """Prepare 20 images of two classes. Return the folder of the data set."""
    prepared(tmp_path / "dataset", name="folder", path=str(write_tree(tmp_path / "mine", images=10)))
    return tmp_path / "dataset"


def test_any_tile_is_read_by_its_index(folder, tmp_path):
    dataset = TileDataset(folder)
    assert len(dataset) == 20
    tiles = list(dataset)
    for index in (19, 0, 7):
        tile = dataset[index]
        assert tile == tiles[index]
        assert tile.image == (tmp_path / "mine" / tile.file).read_bytes()
        assert Path(tile.file).parent.name == dataset.classes[tile.label]
        assert isinstance(tile.label, int)
    assert len({tile.file for tile in tiles}) == 20


def test_the_order_is_that_of_a_hash_of_the_names(folder):
    """The classes are mixed, so that the halves of the data set have about the same proportions."""
    files = [tile.file for tile in TileDataset(folder)]
    assert files != sorted(files)
    assert 2 <= sum(tile.label for tile in list(TileDataset(folder))[:10]) <= 8


def test_the_description_is_one_line(folder):
    assert TileDataset(folder).description == "Images of one's own."


READ = """
import sys
from eurosat_transfer.data.dataset import TileDataset
from eurosat_transfer.data.selection import open_selection
print(len({tile.image for tile in TileDataset(%r)}))
print(sorted({"tensorflow", "keras"} & sys.modules.keys()))
"""


def test_tiles_are_read_without_tensorflow(folder, tmp_path):
    result = run(sys.executable, "-c", READ % str(folder), cwd=tmp_path, PYTHONPATH=str(REPOSITORY))
    assert result.stdout.splitlines() == ["20", "[]"], result.stderr


SPLIT = """
import sys
import stages.split
print(sorted({"tensorflow", "tensorflow_datasets", "keras", "sklearn"} & sys.modules.keys()))
"""


def test_the_split_stage_does_not_load_what_reads_images(tmp_path):
    result = run(sys.executable, "-c", SPLIT, cwd=tmp_path, PYTHONPATH=str(REPOSITORY))
    assert result.stdout == "[]\n", result.stderr
