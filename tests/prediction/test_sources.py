"""The images that inputs name."""

import os
from pathlib import Path
from zipfile import ZipFile

import pytest

from eurosat_transfer.data.image_files import MAX_FILE_BYTES
from eurosat_transfer.errors import UserError
from eurosat_transfer.prediction.sources import UnreadableError, find_sources, read_source


@pytest.fixture(autouse=True)
def tiles(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("tiles/b/2.TIF", "tiles/a/1.jpg", "tiles/0.png", "tiles/notes.txt", "tiles/.hidden/3.jpg"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(name.encode())
    Path("tiles/.4.jpg").touch()
    with ZipFile("tiles.zip", "w") as archive:
        for name in ("x/5.jpeg", "6.tiff", "notes.txt", "__MACOSX/7.jpg"):
            archive.writestr(name, name)
    return tmp_path


def names(*inputs):
    return sorted(source.name for source in find_sources(inputs))


def test_folders_are_searched_with_their_subfolders(tiles):
    assert names("tiles") == names("./tiles/") == ["tiles/0.png", "tiles/a/1.jpg", "tiles/b/2.TIF"]
    assert names(str(tiles / "tiles/a")) == [f"{tiles}/tiles/a/1.jpg"]


def test_globs_files_and_archives_are_expanded():
    assert names("tiles/**/*.jpg") == ["tiles/a/1.jpg"]
    assert names("tiles/*") == ["tiles/0.png", "tiles/a/1.jpg", "tiles/b/2.TIF"]
    assert names("tiles/notes.txt") == ["tiles/notes.txt"], "the user has named this file"
    assert names("*.zip") == names("tiles.zip") == ["tiles.zip/6.tiff", "tiles.zip/x/5.jpeg"]


def test_a_file_whose_name_looks_like_a_glob_is_a_file():
    Path("a[1].jpg").touch()
    assert names("a[1].jpg") == ["a[1].jpg"]


def test_images_are_read():
    contents = {source.name: read_source(source) for source in find_sources(["tiles", "tiles.zip"])}
    assert contents == {
        "tiles/0.png": b"tiles/0.png",
        "tiles/a/1.jpg": b"tiles/a/1.jpg",
        "tiles/b/2.TIF": b"tiles/b/2.TIF",
        "tiles.zip/6.tiff": b"6.tiff",
        "tiles.zip/x/5.jpeg": b"x/5.jpeg",
    }


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("missing.jpg", "'missing.jpg' does not exist; allowed: files, folders, zip archives, and globs in quotes"),
        ("empty", "'empty' has no images; allowed: files with the suffixes .jpg, .jpeg, .png, .tif, .tiff"),
        ("*.gif", "'*.gif' has no images"),
    ],
)
def test_an_input_without_images_is_refused(given, message):
    Path("empty").mkdir()
    with pytest.raises(UserError) as refused:
        names("tiles", given)
    assert str(refused.value).startswith(message)


def test_what_cannot_be_read_has_a_reason():
    os.mkfifo("tiles/pipe.jpg")
    Path("tiles/link.jpg").symlink_to("nowhere.jpg")
    Path("tiles/no.zip").write_bytes(b"no archive")
    with Path("tiles/large.tif").open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    reasons = {}
    for source in find_sources(["tiles", "tiles/no.zip"]):
        try:
            read_source(source)
        except UnreadableError as error:
            reasons[source.name] = str(error)
    assert reasons == {
        "tiles/pipe.jpg": "it is a pipe, a device or a socket; allowed: files",
        "tiles/link.jpg": "No such file or directory",
        "tiles/no.zip": "not a readable zip archive: it is not a zip file, or it is truncated",
        "tiles/large.tif": f"it has {MAX_FILE_BYTES + 1} bytes; allowed for a tile: {MAX_FILE_BYTES}; "
        "map a scene with --map",
    }


def test_a_file_that_is_gone_when_it_is_read_has_a_reason():
    sources = list(find_sources(["tiles/0.png"]))
    Path("tiles/0.png").unlink()
    with pytest.raises(UnreadableError, match="No such file or directory"):
        read_source(sources[0])
