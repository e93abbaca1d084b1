"""A user's own images, from a folder or a zip file. tests/hostile has trees and archives that are made to do harm."""

import os
import re
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import rasterio
from conftest import encoded, write_tree
from geotiffs import raster_file
from image_archives import prepared, zip_tree
from PIL import Image

from eurosat_transfer.data.builders.folder import find_images
from eurosat_transfer.data.decoding import decode_image
from eurosat_transfer.errors import UserError


@pytest.fixture
def tree(tmp_path):
    """Write a tree of eight images of all kinds in two classes, with files that are to be ignored."""
    tree = write_tree(tmp_path / "mine", images=2)
    (tree / "class_1/grey.png").write_bytes(encoded((9, 99, 199), "PNG", "L", (7, 30)))
    (tree / "class_1/alpha.PNG").write_bytes(encoded((9, 99, 199), "PNG", "RGBA", (300, 20)))
    (tree / "class_1/palette.png").write_bytes(encoded((9, 99, 199), "PNG", "P"))
    (tree / "class_1/one.JPEG").write_bytes(encoded((30, 40, 50)))
    for name in ("notes.txt", "class_1/notes.txt", "class_1/.hidden.jpg", ".cache/a/1.jpg", "__MACOSX/class_1/1.jpg"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text("no image")
    return tree


NAMES = [
    "class_0/0.jpg", "class_0/1.jpg", "class_1/0.jpg", "class_1/1.jpg", "class_1/alpha.PNG", "class_1/grey.png",
    "class_1/one.JPEG", "class_1/palette.png",
]  # fmt: skip


def test_images_are_found_in_the_order_of_their_names(tree, capsys):
    images = find_images(tree)
    assert list(images) == NAMES
    assert capsys.readouterr().out == f"{tree}: 5 other files are ignored; JPEG, PNG and GeoTIFF images are read\n"
    for name, image in images.items():
        assert image.read() == (tree / name).read_bytes()


def test_images_in_a_zip_are_found_without_unpacking_it(tree, tmp_path):
    images = find_images(zip_tree(tree, tmp_path / "mine.zip", "top/"))
    assert list(images) == [f"top/{name}" for name in NAMES]
    for name, image in images.items():
        assert image.read() == (tree / name.removeprefix("top/")).read_bytes()


def test_a_tree_with_images_only_prints_nothing(tmp_path, capsys):
    find_images(write_tree(tmp_path / "mine", images=1))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("packed", [False, True])
def test_the_data_set_has_every_image_with_its_class(tree, tmp_path, packed):
    path = zip_tree(tree, tmp_path / "mine.zip") if packed else tree
    dataset = prepared(tmp_path / "dataset", name="folder", path=str(path))
    assert dataset.classes == ["class_0", "class_1"]
    assert sorted(tile.file for tile in dataset) == NAMES
    for tile in dataset:
        assert dataset.classes[tile.label] == Path(tile.file).parent.name
        original = np.asarray(Image.open(tree / tile.file).convert("RGB"))
        assert np.abs(decode_image(tile.image).astype(int) - original).max() <= 3


def test_a_folder_and_a_zip_of_it_give_the_same_data_set(tree, tmp_path):
    results = []
    for path in (tree, zip_tree(tree, tmp_path / "mine.zip")):
        prepared(tmp_path / "dataset", name="folder", path=str(path))
        results.append({p.name: p.read_bytes() for p in (tmp_path / "dataset").iterdir()})
    assert results[0] == results[1]


def describe(*names):
    """Return a function that names the bands of a file."""

    def finish(dataset):
        dataset.descriptions = names

    return finish


def satellite_tree(tree, files=5, bands=13, finish=None):
    """Write tiles of 13 bands and 16 bits in two classes, as in EuroSAT's archive of all bands."""
    for label in ("Forest", "River"):
        (tree / label).mkdir(parents=True)
        for number in range(files):
            raster = np.random.default_rng([len(label), number]).integers(0, 3500, (bands, 8, 9), np.uint16)
            tile = raster_file(raster, finish=finish, compress="deflate")
            (tree / label / f"{label}_{number}.tif").write_bytes(tile)
    return tree


@pytest.mark.parametrize("packed", [False, True])
def test_tiles_of_13_bands_become_rgb_images_as_asked(tmp_path, packed):
    tree = satellite_tree(tmp_path / "tif")
    path = zip_tree(tree, tmp_path / "tif.zip") if packed else tree
    dataset = prepared(tmp_path / "dataset", name="folder", path=str(path), bands=[4, 3, 2], scale=[0, 2750])
    assert sorted(tile.file for tile in dataset) == [f"{c}/{c}_{n}.tif" for c in ("Forest", "River") for n in range(5)]
    for tile in dataset:
        with rasterio.open(tree / tile.file) as source:
            red, green, blue = (source.read(band).astype(float) for band in (4, 3, 2))
        expected = np.clip(np.round(1 + np.stack([red, green, blue], -1) * 254 / 2750), 1, 255)
        np.testing.assert_array_equal(decode_image(tile.image), expected)


def test_all_bands_are_kept_beside_the_image(tmp_path):
    tree = satellite_tree(tmp_path / "tif", bands=5)
    dataset = prepared(tmp_path / "dataset", name="folder", path=str(tree), bands=[4, 3, 2], scale=[0, 2750])
    assert dataset.band_names == ("1", "2", "3", "4", "5")
    for index, tile in enumerate(dataset):
        with rasterio.open(tree / tile.file) as source:
            np.testing.assert_array_equal(dataset.read_bands(index), np.moveaxis(source.read(), 0, -1))


@pytest.mark.parametrize("bands", [["B08", "B04", "B03"], "all"], ids=str)
def test_the_files_may_name_their_bands(tmp_path, bands):
    tree = satellite_tree(tmp_path / "tif", bands=4, finish=describe("B2", "b3", "B04", "B8"))
    dataset = prepared(tmp_path / "dataset", name="folder", path=str(tree), bands=bands, scale=[0, 2750])
    assert dataset.band_names == ("B02", "B03", "B04", "B08")
    picture = [3, 2, 1] if bands != "all" else [2, 1, 0]
    expected = np.clip(np.floor(1.5 + dataset.read_bands(0)[..., picture].astype(float) * 254 / 2750), 1, 255)
    np.testing.assert_array_equal(decode_image(dataset[0].image), expected)
    assert dataset.network_bands == (dataset.band_names if bands == "all" else None)


def test_bands_that_differ_among_the_files_are_not_kept(tmp_path, capsys):
    tree = satellite_tree(tmp_path / "tif", bands=4)
    (tree / "River/River_3.tif").write_bytes(raster_file(np.ones((6, 8, 9), np.uint16)))
    dataset = prepared(tmp_path / "dataset", name="folder", path=str(tree), bands=[3, 2, 1], scale=[0, 2750])
    assert dataset.bands is None
    assert dataset.read_bands(0).shape == (8, 9, 3)
    said = "the bands of 'Forest/Forest_0.tif', 'River/River_3.tif' differ, so only the three bands of data.bands are"
    assert said in capsys.readouterr().out

    with pytest.raises(UserError, match=r"have other bands than each other .* set data\.bands to three numbers from 1"):
        prepared(tmp_path / "dataset", name="folder", path=str(tree), bands="all", scale=[0, 2750])


def test_a_name_that_the_files_do_not_have_is_refused(tmp_path):
    tree = satellite_tree(tmp_path / "tif", bands=4)
    with pytest.raises(UserError, match=r"data\.bands has the name 'B08'; allowed: 1, 2, 3, 4, or numbers"):
        prepared(tmp_path / "dataset", name="folder", path=str(tree), bands=["B08", "B04", "B03"], scale=[0, 2750])


def test_bands_need_geotiff_files(tmp_path):
    tree = write_tree(tmp_path / "mine", images=1)
    with pytest.raises(UserError, match=r"are no GeoTIFF files, so their bands have no names"):
        prepared(tmp_path / "dataset", name="folder", path=str(tree), bands="all")


def test_tiles_of_many_bands_need_a_choice_of_bands(tmp_path):
    tree = satellite_tree(tmp_path / "tif")
    with pytest.raises(UserError, match=r"^Forest/Forest_0\.tif has 13 bands; .* data\.bands=\[4,3,2\]$"):
        prepared(tmp_path / "dataset", name="folder", path=str(tree), scale=[0, 2750])
    with pytest.raises(UserError, match=r"^Forest/Forest_0\.tif has uint16 values .* data\.scale=\[0,2750\]$"):
        prepared(tmp_path / "dataset", name="folder", path=str(tree), bands=[4, 3, 2])


def test_images_of_several_formats_may_be_mixed(tmp_path):
    tree = write_tree(tmp_path / "mine", images=1)
    raster = np.arange(3 * 20, dtype=np.uint8).reshape(3, 4, 5)
    (tree / "class_1/x.TIFF").write_bytes(raster_file(raster))
    dataset = prepared(tmp_path / "dataset", name="folder", path=str(tree))
    images = {tile.file: tile.image for tile in dataset}
    assert sorted(images) == ["class_0/0.jpg", "class_1/0.jpg", "class_1/x.TIFF"]
    np.testing.assert_array_equal(decode_image(images["class_1/x.TIFF"]), np.moveaxis(raster, 0, -1))
    assert images["class_0/0.jpg"] == (tree / "class_0/0.jpg").read_bytes()


def test_a_path_may_begin_with_the_home_folder(tmp_path, monkeypatch):
    write_tree(tmp_path / "mine", images=1)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert len(prepared(tmp_path / "dataset", name="folder", path="~/mine")) == 2


def test_a_missing_path_is_refused(tmp_path):
    with pytest.raises(UserError, match="there is no folder or zip file at 'nowhere'; give the path of one"):
        prepared(tmp_path / "dataset", name="folder", path="nowhere")


def test_a_truncated_zip_is_refused(tree, tmp_path):
    path = zip_tree(tree, tmp_path / "mine.zip")
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(UserError, match=r"mine\.zip is not a zip file, or it is truncated: ."):
        find_images(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no image", r"class_0/bad\.jpg is not a readable image: neither JPEG, PNG nor GeoTIFF"),
        (encoded((1, 2, 3), size=(90, 90))[:-300], r"class_0/bad\.jpg is not a readable image: (?i:.*truncated)"),
        (encoded((1, 2, 3), "PNG", "I;16"), r"class_0/bad\.jpg has uint16 values \(from .*\).*data\.scale"),
    ],
)
def test_a_damaged_image_is_named_and_nothing_is_left_behind(tmp_path, content, message):
    tree = write_tree(tmp_path / "mine", images=3)
    (tree / "class_0/bad.jpg").write_bytes(content)
    with pytest.raises(UserError, match=message):
        prepared(tmp_path / "data/dataset", name="folder", path=str(tree))
    assert list((tmp_path / "data").iterdir()) == []


def test_all_broken_images_are_listed_at_once(tmp_path):
    tree = write_tree(tmp_path / "mine", images=14)
    for number in range(3):
        (tree / f"class_0/{number}.jpg").write_bytes(b"no image")
    (tree / "class_1/odd.png").write_bytes(encoded((1, 2, 3), "PNG", "I;16"))
    with pytest.raises(UserError) as refusal:
        prepared(tmp_path / "data/dataset", name="folder", path=str(tree))
    message = str(refusal.value)
    assert message.startswith("4 of 29 images cannot be used: class_0/0.jpg is not a readable image: neither JPEG")
    assert all(f"{name} is not a readable image" in message for name in ("class_0/1.jpg", "class_0/2.jpg"))
    assert "class_1/odd.png has uint16 values" in message
    assert list((tmp_path / "data").iterdir()) == []


def test_many_broken_images_are_listed_up_to_a_number(tmp_path):
    tree = write_tree(tmp_path / "mine", images=14)
    for path in (tree / "class_0").iterdir():
        path.write_bytes(b"")
    with pytest.raises(UserError, match=r"^14 of 28 images cannot be used: .*; and 4 more$") as refusal:
        prepared(tmp_path / "dataset", name="folder", path=str(tree))
    assert str(refusal.value).count("is not a readable image") == 10


@pytest.fixture
def guarded():
    """Give a folder that any user can read, and the rights of an ordinary user to the test: root may read anything."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        is_root = os.geteuid() == 0

        def drop_rights():
            if is_root:
                os.seteuid(65534)

        try:
            yield Path(folder), drop_rights
        finally:
            if is_root:
                os.seteuid(0)
            for path in Path(folder).rglob("*"):
                path.chmod(0o755)


@pytest.mark.parametrize(
    ("name", "mode", "named"),
    [
        ("class_1", 0o000, "'class_1'"),
        ("class_1", 0o644, r"'class_1/\d+\.jpg'"),  # it may be listed, and its files not read
        ("class_1/0.jpg", 0o000, r"'class_1/0\.jpg'"),
        ("", 0o000, "the folder"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(guarded, name, mode, named):
    folder, drop_rights = guarded
    tree = write_tree(folder / "mine", classes=3, images=2)
    (tree / name).chmod(mode)
    drop_rights()
    with pytest.raises(UserError, match=f"mine: {named} cannot be read: Permission denied; change its permissions"):
        [image.read() for image in find_images(tree).values()]


def test_a_system_folder_that_cannot_be_read_is_ignored(guarded):
    folder, drop_rights = guarded
    tree = write_tree(folder / "mine", images=2)
    for name in ("lost+found", "class_0/@eaDir", ".Trash-1000"):
        (tree / name).mkdir(mode=0o000)
    drop_rights()
    assert len(find_images(tree)) == 4


def test_folders_of_file_managers_are_no_classes(tmp_path):
    tree = write_tree(tmp_path / "mine", images=2)
    for name in ("class_0/@eaDir/0.jpg/thumb.jpg", "#recycle/class_0/9.jpg", ".thumbnails/9.png", "__MACOSX/a/9.jpg"):
        (tree / name).parent.mkdir(parents=True)
        (tree / name).write_bytes(encoded((1, 2, 3)))
    assert {image.label for image in find_images(tree).values()} == {"class_0", "class_1"}


def test_folders_without_images_are_named(tmp_path, capsys):
    tree = write_tree(tmp_path / "mine", images=1)
    for name in ("Forest", ".git", "class_0/notes"):
        (tree / name).mkdir()
    (tree / "River").mkdir()
    (tree / "River/1.webp").write_bytes(b"no image")
    bare = "no JPEG, PNG or GeoTIFF images in {}; so these folders are no classes"
    find_images(tree)
    assert bare.format("'Forest', 'River'") in capsys.readouterr().out
    find_images(zip_tree(tree, tmp_path / "mine.zip", "top/"))
    assert bare.format("'top/River'") in capsys.readouterr().out


def test_an_encrypted_or_unusually_compressed_archive_is_refused_in_one_line(tmp_path):
    path = tmp_path / "mine.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        for name in ("Forest/1.jpg", "River/1.jpg"):
            archive.writestr(name, encoded((1, 2, 3)))
    with pytest.raises(UserError, match=r"'Forest/1.jpg' has an unsupported compression .*; unpack the file and set"):
        find_images(path)
    content = bytearray(zip_tree(write_tree(tmp_path / "tree", images=1), path).read_bytes())
    for signature, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):  # the flags in both kinds of headers
        for match in re.finditer(signature, content):
            content[match.start() + offset] |= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"'class_0/0.jpg' is encrypted; unpack the file and set data.path"):
        find_images(path)


def test_an_archive_with_backslashes_is_refused_by_its_cause(tmp_path):
    path = tmp_path / "mine.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("Forest\\1.jpg", "River\\1.jpg"):
            archive.writestr(name, encoded((1, 2, 3)))
    with pytest.raises(UserError, match=r"mine\.zip: .*Forest.*1\.jpg' has a backslash.* unpack the file and set data"):
        find_images(path)


def test_the_path_may_be_a_file_address(tmp_path):
    tree = write_tree(tmp_path / "my tiles é", images=1)
    assert len(prepared(tmp_path / "dataset", name="folder", path=tree.as_uri())) == 2
    with pytest.raises(UserError, match=r"data\.path: 'file://nas/tiles' names the computer 'nas'; allowed"):
        prepared(tmp_path / "dataset", name="folder", path="file://nas/tiles")
    with pytest.raises(UserError, match=r"data\.path: 's3://nas/tiles' is an address; download it, and give the path"):
        prepared(tmp_path / "dataset", name="folder", path="s3://nas/tiles")
