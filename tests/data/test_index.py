"""The index of a data set."""

import numpy as np
import pytest

from eurosat_transfer.data.index import index_images, read_index, write_index
from eurosat_transfer.errors import UserError

IMAGES = [("one.jpg", 3), ("two.jpg", 0), ("three.jpg", 3), ("four.jpg", 0), ("five.jpg", 3)]
NAMES = ["Forest", "Highway", "Pasture", "River"]


def test_classes_without_images_are_left_out_of_the_index():
    index = index_images(IMAGES, NAMES)
    assert index.files == [file for file, _ in IMAGES]
    assert index.labels.tolist() == [1, 0, 1, 0, 1]
    assert index.classes == ["Forest", "River"]


def test_the_first_images_of_each_class_are_found():
    index = index_images(IMAGES, NAMES)
    assert index.first_of_each_class(2) == {"Forest": [1, 3], "River": [0, 2]}
    assert index.first_of_each_class(9) == {"Forest": [1, 3], "River": [0, 2, 4]}


def test_the_index_is_written_as_rows_and_read_again(tmp_path):
    index = index_images(IMAGES, NAMES)
    write_index(index, tmp_path / "index.csv")
    lines = (tmp_path / "index.csv").read_text().splitlines()
    assert lines[:3] == ["file,label,class", "one.jpg,1,River", "two.jpg,0,Forest"]
    again = read_index(tmp_path / "index.csv")
    assert (again.files, again.classes) == (index.files, index.classes)
    np.testing.assert_array_equal(again.labels, index.labels)


def test_an_image_without_label_is_refused():
    with pytest.raises(UserError, match=r"image two\.jpg of the data set has no label; allowed: labelled images only"):
        index_images([("one.jpg", 0), ("two.jpg", -1)], NAMES)


@pytest.mark.parametrize(("images", "count"), [([], 0), ([("one.jpg", 2), ("two.jpg", 2)], 1)])
def test_fewer_than_two_classes_are_refused(images, count):
    with pytest.raises(UserError, match=rf"has images of {count} class\(es\); needed: two or more"):
        index_images(images, NAMES)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("file,class\na,b\n", "is not a file of the download stage: 'label'"),
        ("file,label,class\na,one,b\n", "is not a file of the download stage: invalid literal"),
        ("file,label,class\na,0,x\nb,2,y\n", r"has the labels \[0, 2\]; allowed: 0, 1 and so on, without gaps"),
        ("file,label,class\na,0,x\n", r"has the labels \[0\]; allowed"),
        ("file,label,class\n", r"has the labels \[\]; allowed"),
    ],
)
def test_a_file_that_is_not_an_index_is_refused(tmp_path, content, message):
    (tmp_path / "index.csv").write_text(content)
    with pytest.raises(UserError, match=f"index.csv {message}"):
        read_index(tmp_path / "index.csv")
