"""The table that corrected labels replace."""

import shutil

import numpy as np
import pytest
from conftest import write_tree
from image_archives import zip_tree

from eurosat_transfer.data.corrected_labels import open_label_table
from eurosat_transfer.data.index import DatasetIndex
from eurosat_transfer.errors import UserError
from eurosat_transfer.io.csv_files import write_csv
from eurosat_transfer.parameters.data import Data

FILES = ["class_0/0.jpg", "class_0/1.jpg", "class_1/0.jpg", "class_1/1.jpg"]
LABELS = dict(zip(FILES, ["class_0", "class_0", "class_1", "class_1"], strict=True))


def index_of(files: list[str]) -> DatasetIndex:
    """Index four images of two classes."""
    return DatasetIndex(files, np.array([0, 0, 1, 1]), ["class_0", "class_1"], np.arange(4))


def data(**values) -> Data:
    return Data(**dict.fromkeys(Data.model_fields) | values)


@pytest.fixture
def tree(tmp_path):
    return write_tree(tmp_path / "mine", images=2)


def test_a_tree_of_classes_gets_a_table_with_all_images(tree):
    table = open_label_table(data(name="folder", path=str(tree)), index_of(FILES))
    assert table.names == {file: file for file in FILES}
    assert table.labels == LABELS
    assert f"Save labels.csv as {tree / 'labels.csv'}." in table.advice


def test_an_image_that_is_gone_is_not_in_the_table(tree):
    (tree / FILES[1]).unlink()
    table = open_label_table(data(name="folder", path=str(tree)), index_of(FILES))
    assert list(table.labels) == [FILES[0], *FILES[2:]]


def test_labels_that_are_newer_than_the_data_set_count(tree):
    newer = {FILES[0]: "class_0", FILES[1]: "class_1", FILES[2]: "class_1"}
    write_csv(tree / "labels.csv", ("file", "label"), newer.items())
    table = open_label_table(data(name="folder", path=str(tree)), index_of([FILES[0], FILES[2], *FILES[1::2]]))
    assert table.labels == newer


def test_names_are_relative_to_a_table_in_the_only_subfolder(tree, tmp_path):
    (tmp_path / "outer").mkdir()
    shutil.move(tree, tmp_path / "outer/mine")
    write_csv(tmp_path / "outer/mine/labels.csv", ("file", "label"), LABELS.items())
    files = [f"mine/{file}" for file in FILES]
    table = open_label_table(data(name="folder", path=str(tmp_path / "outer")), index_of(files))
    assert table.names == dict(zip(files, FILES, strict=True))
    assert table.labels == LABELS
    assert "outer/mine/labels.csv. Then run" in table.advice


def test_the_table_of_a_zip_file_goes_into_the_unpacked_folder(tree, tmp_path):
    path = zip_tree(tree, tmp_path / "mine.zip", "top/")
    table = open_label_table(data(name="folder", path=str(path)), index_of([f"top/{file}" for file in FILES]))
    assert table.labels == {f"top/{file}": label for file, label in LABELS.items()}
    assert table.advice.startswith(f"Unpack {path}, save labels.csv as labels.csv in that folder")


def test_another_data_set_reads_no_table():
    table = open_label_table(data(name="eurosat"), index_of(FILES))
    assert table.labels == LABELS
    assert "data.name=eurosat reads no labels.csv" in table.advice


def test_a_folder_that_is_gone_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"data.path: there is no folder or zip file at .*gone"):
        open_label_table(data(name="folder", path=str(tmp_path / "gone")), index_of(FILES))
