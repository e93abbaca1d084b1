"""A folder that is labelled step by step."""

import io

import numpy as np
import pytest
from conftest import encoded, write_tree
from geotiffs import raster_file
from PIL import Image

from eurosat_transfer.data.labelling_folder import has_unlabelled_images, open_labelling_folder
from eurosat_transfer.data.rendering import Rendering
from eurosat_transfer.errors import UserError


@pytest.fixture
def flat(tmp_path):
    """Write three images into one folder, without a table."""
    for name in ("b.png", "a.png", "below/c.png"):
        (tmp_path / "flat" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "flat" / name).write_bytes(encoded((len(name), 9, 9), "PNG"))
    (tmp_path / "flat/notes.txt").write_text("no image")
    return tmp_path / "flat"


def test_a_folder_without_a_table_has_no_labels(flat):
    images = open_labelling_folder(flat, Rendering())
    assert images.files == ["a.png", "b.png", "below/c.png"]
    assert images.labels == [None, None, None]
    assert images.table == flat / "labels.csv"
    assert [read() for read in images.read] == [(flat / name).read_bytes() for name in images.files]


@pytest.mark.parametrize("rows", ["", "below/c.png,River\n", "below/c.png,River\na.png,Forest\n"])
def test_labels_come_from_the_table_however_few_it_has(flat, rows):
    (flat / "labels.csv").write_text(f"file,label\n{rows}")
    expected = [dict(row.split(",") for row in rows.split()).get(file) for file in ("a.png", "b.png", "below/c.png")]
    assert open_labelling_folder(flat, Rendering()).labels == expected


def test_names_are_relative_to_the_table(flat):
    flat.rename(flat.with_name("top"))
    (flat / "parent").mkdir(parents=True)
    flat.with_name("top").rename(flat / "parent/top")
    folder = flat / "parent"
    (folder / "top/labels.csv").write_text("file,label\nbelow/c.png,River\n")
    images = open_labelling_folder(folder, Rendering())
    assert (images.files, images.labels) == (["a.png", "b.png", "below/c.png"], [None, None, "River"])
    assert images.table == folder / "top/labels.csv"


def test_images_are_rendered_as_the_data_set_has_them(tmp_path):
    raster = np.full((4, 8, 9), 1375, np.uint16)
    (tmp_path / "1.tif").write_bytes(raster_file(raster))
    images = open_labelling_folder(tmp_path, Rendering((3, 2, 1), (0, 2750)))
    assert np.unique(Image.open(io.BytesIO(images.read[0]()))).tolist() == [128]


@pytest.mark.parametrize(
    ("name", "message"), [("missing", "there is no folder"), ("tiles.zip", "unpack a zip file"), (".", "has no JPEG")]
)
def test_a_path_without_images_is_refused(tmp_path, name, message):
    (tmp_path / "tiles.zip").write_bytes(b"PK")
    with pytest.raises(UserError, match=message):
        open_labelling_folder(tmp_path / name, Rendering())


def test_class_folders_without_a_table_are_labelled_already(flat, tmp_path):
    tree = write_tree(tmp_path / "tree", images=1)
    assert not has_unlabelled_images(tree)
    (tree / "labels.csv").write_text("file,label\n")
    assert has_unlabelled_images(tree)
    assert has_unlabelled_images(flat)
    assert not has_unlabelled_images(tmp_path / "missing")
