"""The command that chooses which tiles to label next."""

import base64
import json
import re
import shutil
from argparse import Namespace
from pathlib import Path

import pytest
from coloured_tiles import COLOURS, write_tiles
from conftest import encoded, write_tree

from eurosat_transfer.commands import suggest
from eurosat_transfer.errors import UserError
from eurosat_transfer.io.csv_files import read_csv, write_csv
from stages import backbone, download, extract, split


@pytest.fixture
def tiles(world):
    """Prepare a network, and write a folder of tiles. Returns the truth."""
    world()
    backbone.main()
    return write_tiles(Path("tiles"))


def run(count, images="tiles"):
    suggest.run(Namespace(count=count, images=images and Path(images)))
    return read_csv("suggestions.csv")


def sheet_data():
    page = Path("suggestions.html").read_text(encoding="utf-8")
    return json.loads(re.search(r"^const data = (.*);$", page, re.MULTILINE)[1])


def test_without_labels_every_kind_of_tile_is_suggested_and_nothing_is_believed(tiles, capsys):
    rows = run(3)
    assert list(rows[0]) == ["rank", "file", "why", "cluster", "believed", "probability"]
    assert [row["rank"] for row in rows] == ["1", "2", "3"]
    assert {tiles[row["file"]] for row in rows} == set(COLOURS)
    assert {(row["believed"], row["probability"]) for row in rows} == {("", "")}
    assert rows[0]["why"] == "in the middle of 8 similar tiles"
    printed = capsys.readouterr().out
    assert "tilenet was trained on drawings; a network with ImageNet weights suits" in printed
    assert "3 of 24 tiles without a label; open suggestions.html in a browser\n" in printed
    assert "Save labels.csv as tiles/labels.csv." in Path("suggestions.html").read_text(encoding="utf-8")
    data = sheet_data()
    assert [tile["file"] for tile in data["tiles"]] == [row["file"] for row in rows]
    assert (data["classes"], data["known"]) == ([], [])


def test_with_labels_the_others_are_suggested_with_what_the_model_believes(tiles, capsys):
    known = {file: name for file, name in tiles.items() if file in ("tile_00.png", "tile_01.png", "tile_03.png")}
    write_csv("tiles/labels.csv", ("file", "label", "scene"), [(*row, "S1") for row in known.items()])
    rows = run(30)
    assert {row["file"] for row in rows} == set(tiles) - set(known)
    assert (sheet_data()["columns"], sheet_data()["values"]) == (["scene"], [[file, ["S1"]] for file in sorted(known)])
    assert {row["believed"] for row in rows} == {"Lake", "Meadow"}
    assert all(0.5 <= float(row["probability"]) <= 1 for row in rows)
    assert all(re.search(r"(Lake|Meadow) [01]\.\d\d, (Lake|Meadow) 0\.\d\d$", row["why"]) for row in rows)
    data = sheet_data()
    assert (data["classes"], dict(data["known"])) == (["Lake", "Meadow"], known)
    assert [tile["suggested"] for tile in data["tiles"]] == [row["believed"] for row in rows]
    assert rows[0]["why"].startswith("perhaps Meadow, which has one label; Meadow ")
    assert tiles[rows[0]["file"]] == "Meadow"
    assert "classes with one label: Meadow; `dvc repro` leaves them out until they have two" in capsys.readouterr().out


def test_damaged_images_are_left_out_and_keep_their_labels(tiles, capsys):
    for name in ("bad.png", *(f"worse_{number}.png" for number in range(12))):
        (Path("tiles") / name).write_text("no image")
    write_csv("tiles/labels.csv", ("file", "label"), [("bad.png", "Sand")])
    assert len(run(30)) == len(tiles)
    printed = capsys.readouterr().out
    assert "left out: bad.png is not a readable image" in printed
    assert "left out: 3 more images that cannot be read\n" in printed
    assert sheet_data()["known"] == [["bad.png", "Sand"]]


@pytest.mark.usefixtures("tiles")
def test_the_same_command_writes_the_same_files():
    run(6)
    first = [Path(name).read_bytes() for name in ("suggestions.csv", "suggestions.html")]
    run(6)
    assert [Path(name).read_bytes() for name in ("suggestions.csv", "suggestions.html")] == first


def test_the_stage_extract_finds_the_features_in_the_cache(tiles, world, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("EUROSAT_TRANSFER_STORE", str(tmp_path / "store.sqlite"))
    run(3)
    write_csv("tiles/labels.csv", ("file", "label"), tiles.items())
    world(**{"data.name": "folder", "data.path": "tiles", "split.train": 6, "split.val": 3, "split.test": "all"})
    for stage in (download, split, extract):
        stage.main()
    assert "0 images through the network, 24 from the cache" in capsys.readouterr().out


def test_the_folder_of_the_data_set_is_the_default(tiles, world):
    world(**{"data.name": "folder", "data.path": "tiles"})
    assert {tiles[row["file"]] for row in run(3, None)} == set(COLOURS)


@pytest.mark.parametrize(
    ("count", "images", "message"),
    [
        (0, "tiles", "N is 0; allowed: 1 or more"),
        (1, "missing", "there is no folder at 'missing'"),
        (1, None, "the features are not ready (data/features.npz does not exist): run `dvc repro extract`"),
    ],
)
def test_what_cannot_be_suggested_is_refused(world, count, images, message):
    world()
    with pytest.raises(UserError, match=re.escape(message)):
        run(count, images)


def test_a_folder_with_all_labels_is_refused(tiles):
    write_csv("tiles/labels.csv", ("file", "label"), tiles.items())
    with pytest.raises(UserError, match="all 24 tiles have a label"):
        run(1)


@pytest.mark.usefixtures("tiles")
def test_a_folder_of_damaged_images_is_refused():
    shutil.rmtree("tiles")
    Path("tiles").mkdir()
    Path("tiles/1.png").write_bytes(encoded((1, 2, 3), "PNG")[:40])
    with pytest.raises(UserError, match=r"no image can be read: 1\.png is not a readable image"):
        run(1)


def test_without_a_folder_the_unlabelled_tiles_of_the_data_set_are_suggested(world):
    world(**{"data.name": "folder", "data.path": str(write_tree(Path("mine"), images=20)), "split.train": 6,
             "split.val": 2, "split.test": 8, "split.unlabelled": "rest"})  # fmt: skip
    for stage in (backbone, download, split, extract):
        stage.main()
    rows = run(30, None)
    unlabelled = {row["file"] for row in read_csv("data/split.csv") if row["subset"] == "unlabelled"}
    labelled = {row["file"]: row["class"] for row in read_csv("data/split.csv") if row["subset"] in ("train", "val")}
    assert {row["file"] for row in rows} == unlabelled
    assert {row["believed"] for row in rows} == {"class_0", "class_1"}
    data = sheet_data()
    assert dict(data["known"]) == labelled  # no label of test
    first = encoded_image(data["tiles"][0]["file"])
    assert first in Path("suggestions.html").read_text(encoding="utf-8")


def encoded_image(file):
    return base64.b64encode((Path("mine") / file).read_bytes()).decode()


@pytest.mark.usefixtures("features")
def test_a_data_set_without_unlabelled_tiles_is_refused(world):
    with pytest.raises(UserError, match="no tiles without a label: give a folder"):
        run(1, None)
    world(**{"extract.features": "mine.npz"})
    with pytest.raises(UserError, match=r"extract\.features has no images to show"):
        run(1, None)
