"""The index of a data set."""

import numpy as np
import pytest

from eurosat_transfer.data.index import (
    DatasetIndex,
    LabelledImage,
    index_images,
    read_index,
    write_contradictions,
    write_index,
)
from eurosat_transfer.errors import UserError

IMAGES = [
    LabelledImage("one.jpg", 3, b"p"),
    LabelledImage("two.jpg", 0, b"q"),
    LabelledImage("three.jpg", 3, b"r"),
    LabelledImage("four.jpg", 0, b"q"),
    LabelledImage("five.jpg", 3, b"s"),
]
NAMES = ["Forest", "Highway", "Pasture", "River"]


def test_classes_without_images_are_left_out_of_the_index():
    index = index_images(IMAGES, NAMES)
    assert index.files == [image.file for image in IMAGES]
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
    assert lines[:3] == ["file,label,class,group", "one.jpg,1,River,0", "two.jpg,0,Forest,1"]
    assert lines[4] == "four.jpg,0,Forest,1"
    again = read_index(tmp_path / "index.csv")
    assert (again.files, again.classes) == (index.files, index.classes)
    np.testing.assert_array_equal(again.labels, index.labels)
    np.testing.assert_array_equal(again.groups, index.groups)


def test_copies_and_contradictions_are_counted():
    index = DatasetIndex(list("abcdefg"), np.array([0, 1, 0, 1, 0, 0, 1]), ["x", "y"], np.array([0, 1, 0, 0, 4, 1, 6]))
    assert index.count() == {"images": 7, "copies": 3, "contradictions": 5}
    assert index_images(IMAGES, NAMES).count() == {"images": 5, "copies": 1, "contradictions": 0}


def test_contradictions_are_listed_next_to_each_other(tmp_path):
    labels, groups = np.array([0, 1, 0, 1, 0, 0, 1]), np.array([0, 1, 2, 0, 4, 1, 2])
    write_contradictions(DatasetIndex(list("abcdefg"), labels, ["x", "y"], groups), tmp_path / "listed.csv")
    assert (tmp_path / "listed.csv").read_text().splitlines() == [
        "file,label,class,group",
        *("a,0,x,0", "d,1,y,0"),
        *("b,1,y,1", "f,0,x,1"),
        *("c,0,x,2", "g,1,y,2"),
    ]


def test_a_data_set_without_contradictions_gives_an_empty_list(tmp_path):
    write_contradictions(index_images(IMAGES, NAMES), tmp_path / "listed.csv")
    assert (tmp_path / "listed.csv").read_text() == "file,label,class,group\n"


def test_images_without_labels_stay_without_and_contradict_nothing(tmp_path):
    index = index_images([LabelledImage("new.jpg", -1, b"t"), LabelledImage("copy.jpg", -1, b"q"), *IMAGES], NAMES)
    assert index.labels.tolist() == [-1, -1, 1, 0, 1, 0, 1]
    assert index.is_unlabelled.tolist() == [True] + [False] * 6  # the copy of images with a label is not
    assert index.count() == {"images": 7, "copies": 2, "contradictions": 0, "unlabelled": 2}
    write_index(index, path := tmp_path / "index.csv")
    assert path.read_text(encoding="utf-8").splitlines()[1:4] == ["new.jpg,,,0", "copy.jpg,,,1", "one.jpg,1,River,2"]
    assert read_index(path).labels.tolist() == index.labels.tolist()
    other = LabelledImage("other.jpg", 3, b"q")
    contradicting = index_images([LabelledImage("copy.jpg", -1, b"q"), *IMAGES, other], NAMES)
    assert contradicting.contradicts.tolist() == [True, False, True, False, True, False, True]


@pytest.mark.parametrize(("images", "count"), [([], 0), (IMAGES[::2], 1)])
def test_fewer_than_two_classes_are_refused(images, count):
    with pytest.raises(UserError, match=rf"has images of {count} class\(es\); needed: two or more"):
        index_images(images, NAMES)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("file,label,class\na,0,b\n", "is not a file of the download stage: 'group'"),
        ("file,class\na,b\n", "is not a file of the download stage: 'label'"),
        ("file,label,class,group\na,one,b,0\n", "is not a file of the download stage: invalid literal"),
        (
            "file,label,class,group\na,0,x,0\nb,2,y,1\n",
            r"has the labels \[0, 2\]; allowed: 0, 1 and so on, without gaps",
        ),
        ("file,label,class,group\na,0,x,0\n", r"has the labels \[0\]; allowed"),
        ("file,label,class,group\n", r"has the labels \[\]; allowed"),
        ("file,label,class,group\na,0,x,0\nb,1,y,2\n", "has groups that are no places of first images"),
        ("file,label,class,group\na,0,x,0\nb,1,y,-1\n", "has groups that are no places of first images"),
        ("file,label,class,group\na,0,x,0\nb,1,y,0\nc,1,y,1\n", "has groups that are no places of first images"),
    ],
)
def test_a_file_that_is_not_an_index_is_refused(tmp_path, content, message):
    (tmp_path / "index.csv").write_text(content)
    with pytest.raises(UserError, match=f"index.csv {message}"):
        read_index(tmp_path / "index.csv")
