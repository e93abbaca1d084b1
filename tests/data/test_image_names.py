"""The rules for the names of images."""

from pathlib import Path, PurePosixPath

import pytest

from eurosat_transfer.data.builders.image_names import check_image_names, class_of, is_image
from eurosat_transfer.errors import UserError


@pytest.mark.parametrize(
    "name",
    ["River/1.jpg", "River/1.JPG", "a/River/1.jpeg", "River/1.png", "my.dir/x.y.png", "River/1.TIF", "River/1.tiff"],
)
def test_jpeg_png_and_geotiff_files_are_images(name):
    assert is_image(PurePosixPath(name))


@pytest.mark.parametrize(
    "name",
    [
        "River/notes.txt", "River/1.gif", "River/jpg", "River/1.jpg.txt", "River/.jpg",
        "River/.1.jpg", ".River/1.jpg", ".cache/River/1.jpg", "a/.git/River/1.jpg",
        "__MACOSX/River/1.jpg", "__MACOSX/River/._1.jpg", "a/__MACOSX/River/1.png",
    ],
)  # fmt: skip
def test_other_and_hidden_files_are_no_images(name):
    assert not is_image(PurePosixPath(name))


@pytest.mark.parametrize(
    ("name", "label"), [("River/1.jpg", "River"), ("a/b/River/1.jpg", "River"), ("1.jpg", ""), ("a.b/1.jpg", "a.b")]
)
def test_the_class_is_the_folder_that_the_image_is_in(name, label):
    assert class_of(name) == label


def test_class_folders_at_different_depths_are_accepted():
    check_image_names(Path("mine"), ["a/1.jpg", "a/2.jpg", "x/b/1.jpg"])


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "has 0 JPEG, PNG or GeoTIFF images, in these class folders: none; needed: two or more"),
        (["a/1.jpg", "a/2.jpg"], "has 2 JPEG, PNG or GeoTIFF images, in these class folders: a; needed: two or more"),
        (["a/1.jpg", "b/1.jpg", "1.jpg"], "has 3 JPEG, .* images, in .*: a, b; needed: .* and no image outside"),
        (["1.jpg", "a/1.jpg"], "has 2 JPEG, PNG or GeoTIFF images, in these class folders: a; needed"),
        (["a/1.jpg", " a /2.jpg"], "the class folder ' a ' begins or ends with a space"),
        (["a/1.jpg", "b\nx/2.jpg"], r"the class folder 'b\\nx' begins .* or has a character that cannot be printed"),
        (["a/1.jpg", "b/\udcff.jpg"], r"the file name 'b/\\udcff.jpg' is not valid UTF-8; rename the file"),
        (["test/a/3.jpg", "train/a/1.jpg", "train/b/2.jpg"], "has two folders for class 'a': 'test/a' and 'train/a'"),
    ],
)  # fmt: skip
def test_names_that_do_not_give_each_image_a_class_are_refused(names, message):
    with pytest.raises(UserError, match=f"mine:? {message}"):
        check_image_names(Path("mine"), names)
