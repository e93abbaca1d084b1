"""The download stage: data/array_records, data/index.csv and plots/tiles.png."""

import io
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import REPOSITORY, encoded, run, write_tree
from PIL import Image

from eurosat_transfer.data.dataset import DATASET, TileDataset
from eurosat_transfer.errors import UserError
from eurosat_transfer.io.csv_files import read_csv
from eurosat_transfer.io.json_files import read_json
from stages import download


@pytest.fixture
def own(world, tmp_path):
    """Write a tree of 24 images of two classes, and parameters that name it."""
    tree = write_tree(tmp_path / "mine", images=12)
    return lambda: world(**{"data.name": "folder", "data.path": str(tree)}) and tree


def test_the_index_lists_every_image_in_the_order_of_the_data_set(own, capsys):
    own()
    download.main()
    rows = read_csv("data/index.csv")
    dataset = TileDataset()
    assert [(row["file"], int(row["label"])) for row in rows] == [(tile.file, tile.label) for tile in dataset]
    assert all(row["class"] == Path(row["file"]).parent.name for row in rows)
    assert "24 images of 2 classes; samples: plots/tiles.png\n" in capsys.readouterr().out


def test_copies_are_grouped_and_contradictions_listed_by_name(own, capsys):
    tree = own()
    colours = {"class_0/0.jpg": 5, "class_0/1.jpg": 5, "class_0/2.jpg": 6, "class_1/0.jpg": 6, "class_1/1.jpg": 6}
    for name, colour in colours.items():
        (tree / name).write_bytes(encoded((colour, 0, 0)))
    download.main()
    rows = read_csv("data/index.csv")
    group = {row["file"]: row["group"] for row in rows}
    assert group["class_0/0.jpg"] == group["class_0/1.jpg"] != group["class_0/2.jpg"]
    assert group["class_0/2.jpg"] == group["class_1/0.jpg"] == group["class_1/1.jpg"]
    assert len(set(group.values())) == 24 - 3
    assert read_json("metrics/data.json") == {"images": 24, "copies": 3, "contradictions": 3}
    contradicting = {"class_0/2.jpg", "class_1/0.jpg", "class_1/1.jpg"}
    assert {row["file"] for row in read_csv("data/contradictions.csv")} == contradicting
    line = "3 images have a copy with another label: data/contradictions.csv\n"
    assert line in capsys.readouterr().out


def test_a_data_set_without_copies_is_reported_in_one_line(own, capsys):
    own()
    download.main()
    assert "no image is a copy of another\n" in capsys.readouterr().out
    assert read_json("metrics/data.json") == {"images": 24, "copies": 0, "contradictions": 0}


def test_the_picture_shows_the_first_tiles_of_each_class(own):
    own()
    download.main()
    picture = np.asarray(Image.open("plots/tiles.png").convert("RGB"))
    assert picture.shape == (2 * 64, 8 * 64 + 160, 3)  # a row per class, 8 tiles and a name in each
    dataset = TileDataset()
    for label in range(2):
        first = [tile.image for tile in dataset if tile.label == label][:8]
        for place, image in enumerate(first):
            middle = picture[label * 64 + 32, 160 + place * 64 + 32]
            expected = np.asarray(Image.open(io.BytesIO(image)).convert("RGB"))[8, 10]
            assert np.abs(middle.astype(int) - expected).max() <= 12


def test_a_missing_folder_leaves_nothing_behind(world):
    folder = world(**{"data.name": "folder", "data.path": "nowhere"})
    with pytest.raises(UserError, match="no folder or zip file at 'nowhere'"):
        download.main()
    assert not (folder / "data/index.csv").exists()
    assert not (folder / "plots").exists()
    assert list((folder / "data").iterdir()) == []


def test_a_folder_of_one_class_is_refused(own):
    tree = own()
    for path in (tree / "class_1").iterdir():
        path.unlink()
    with pytest.raises(UserError, match="in these class folders: class_0; needed: two or more"):
        download.main()
    assert not DATASET.exists()


@pytest.mark.slow
def test_the_default_data_set_has_2700_drawn_tiles(world):
    world()
    download.main()
    rows = read_csv("data/index.csv")
    assert len(rows) == 2700
    assert len({row["class"] for row in rows}) == 10
    assert all(row["file"].startswith(row["class"] + "_") for row in rows)
    assert Image.open("plots/tiles.png").size == (672, 640)


def test_an_image_in_a_folder_of_a_class_folder_is_refused(own):
    tree = own()
    (tree / "class_0/x").mkdir()
    (tree / "class_0/x/1.jpg").write_bytes(encoded((1, 2, 3)))
    with pytest.raises(UserError, match=r"1 of 25 images .*: 'class_0/x/1\.jpg'; needed: .* of one level"):
        download.main()


@pytest.mark.slow
def test_the_command_prints_no_progress_bars_in_a_pipe(own):
    own()
    result = run(sys.executable, "-m", "stages.download", cwd=Path.cwd(), PYTHONPATH=str(REPOSITORY))
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.endswith("24 images of 2 classes; samples: plots/tiles.png\n")
