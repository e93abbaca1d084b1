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
        "__MACOSX/River/1.jpg", "__MACOSX/River/._1.jpg", "a/__MACOSX/River/1.png", "River/.thumbnails/1.png",
        "River/@eaDir/1.jpg/SYNOPHOTO_THUMB_S.jpg", "#recycle/River/1.jpg", "$RECYCLE.BIN/1.jpg", "$Recycle.Bin/1.jpg",
        "lost+found/1.jpg", "System Volume Information/1.jpg", "River/@__thumb/1.jpg",
    ],
)  # fmt: skip
def test_other_and_hidden_files_are_no_images(name):
    assert not is_image(PurePosixPath(name))


@pytest.mark.parametrize(
    ("name", "label"), [("River/1.jpg", "River"), ("a/b/River/1.jpg", "River"), ("1.jpg", ""), ("a.b/1.jpg", "a.b")]
)
def test_the_class_is_the_folder_that_the_image_is_in(name, label):
    assert class_of(name) == label


@pytest.mark.parametrize("label", ["@home", "#1", "lost", "_background", "-5", "a=b", "$RECYCLE", "__MAC", "%d {}"])
def test_names_like_those_of_system_folders_are_class_names(label):
    assert is_image(PurePosixPath(f"{label}/1.jpg"))
    check_image_names(Path("mine"), [f"{label}/1.jpg", "b/1.jpg"])


def test_class_folders_in_different_folders_of_one_level_are_accepted():
    check_image_names(Path("mine"), ["x/a/1.jpg", "x/a/2.jpg", "y/b/1.jpg"])


@pytest.mark.parametrize(
    ("strays", "usual"),
    [
        (["x/preview.png"], ["x/a/1.jpg", "x/b/1.jpg"]),
        (["preview.png"], ["a/1.jpg", "b/1.jpg"]),
        (["a/thumbs/1.jpg"], ["a/1.jpg", "b/1.jpg"]),
        (["a/deep/down/1.jpg", "preview.png"], ["a/1.jpg", "b/1.jpg", "b/2.jpg"]),
    ],
)
def test_images_outside_the_level_of_the_classes_are_refused_by_name(strays, usual):
    with pytest.raises(UserError) as refusal:
        check_image_names(Path("mine"), [*strays, *usual])
    message = str(refusal.value)
    assert f"mine: {len(strays)} of {len(strays + usual)} images" in message
    assert f"{', '.join(map(repr, strays))}; needed: all images directly in class folders of one level" in message


def test_many_strays_are_listed_up_to_a_number():
    strays = [f"preview_{number:02}.png" for number in range(13)]
    with pytest.raises(UserError, match=r"'preview_09\.png' and 3 more; needed"):
        check_image_names(Path("mine"), [*strays, *(f"a/{number}.jpg" for number in range(20)), "b/1.jpg"])


def test_class_names_in_two_unicode_forms_are_refused():
    message = r"the class folders '.*' and '.*' are the same text in two Unicode forms; rename one of them"
    with pytest.raises(UserError, match=message):
        check_image_names(Path("mine"), ["for\u00eat/1.jpg", "fore\u0302t/2.jpg", "b/1.jpg"])


def test_class_names_that_differ_in_case_are_two_classes_and_reported(capsys):
    check_image_names(Path("mine"), ["Forest/1.jpg", "forest/2.jpg"])
    line = "mine: the class folders 'Forest' and 'forest' differ only in upper and lower case: they are two classes\n"
    assert capsys.readouterr().out == line


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "has 0 JPEG, PNG or GeoTIFF images, in these class folders: none; needed: two or more"),
        (["a/1.jpg", "a/2.jpg"], "has 2 JPEG, PNG or GeoTIFF images, in these class folders: a; needed: two or more"),
        (["1.jpg", "2.jpg"], "has 2 JPEG, PNG or GeoTIFF images, in these class folders: none; needed: .* labels.csv"),
        (["a/1.jpg", " a /2.jpg"], "the class folder ' a ' begins or ends with a space"),
        (["a/1.jpg", "b\nx/2.jpg"], r"the class folder 'b\\nx' begins .* or has a character that cannot be printed"),
        (["a/1.jpg", "b/\udcff.jpg"], r"the file name 'b/\\udcff.jpg' is not valid UTF-8; rename the file"),
        (["test/a/3.jpg", "train/a/1.jpg", "train/b/2.jpg"], "has two folders for class 'a': 'test/a' and 'train/a'"),
    ],
)  # fmt: skip
def test_names_that_do_not_give_each_image_a_class_are_refused(names, message):
    with pytest.raises(UserError, match=f"mine:? {message}"):
        check_image_names(Path("mine"), names)
