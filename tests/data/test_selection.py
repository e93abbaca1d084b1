"""The selected tiles: data/split.csv, and the images that it lists."""

import numpy as np
import pytest
from conftest import write_tree

from eurosat_transfer.data.dataset import TileDataset
from eurosat_transfer.data.index import DatasetIndex, LabelledImage, index_images
from eurosat_transfer.data.preparation import prepare_dataset
from eurosat_transfer.data.selection import open_selection, read_selection
from eurosat_transfer.data.split_file import SplitRow, read_split, write_split
from eurosat_transfer.data.subsets import SUBSETS, UNLABELLED
from eurosat_transfer.errors import UserError
from eurosat_transfer.parameters.data import Data

SUBSET_OF = {"train": [1, 4, 6], "val": [0, 5], "test": [9, 7]}


def positions_by_subset():
    return {subset: np.array(positions) for subset, positions in SUBSET_OF.items()}


@pytest.fixture
def split_csv(tmp_path):
    """Write a split of ten images of the classes x and y. Return its path."""
    index = DatasetIndex([f"{i}.jpg" for i in range(10)], np.arange(10) % 2, ["x", "y"], np.arange(10))
    write_split(index, [positions_by_subset()], tmp_path / "split.csv")
    return tmp_path / "split.csv"


def test_the_file_lists_tiles_in_the_order_of_the_data_set(split_csv):
    assert split_csv.read_text().splitlines() == [
        "index,file,label,class,subset",
        "0,0.jpg,0,x,val",
        "1,1.jpg,1,y,train",
        "4,4.jpg,0,x,train",
        "5,5.jpg,1,y,val",
        "6,6.jpg,0,x,train",
        "7,7.jpg,1,y,test",
        "9,9.jpg,1,y,test",
    ]
    assert read_split(split_csv)[1] == SplitRow(1, "1.jpg", 1, "y", "train")


def test_the_selection_has_indices_labels_and_names(split_csv):
    selection = read_selection(split_csv)
    assert selection.classes == ["x", "y"]
    assert selection.count() == 7
    for subset, indices in {"train": [1, 4, 6], "val": [0, 5], "test": [7, 9]}.items():
        assert selection.indices[subset].tolist() == indices
        assert selection.labels[subset].tolist() == [i % 2 for i in indices]
        assert selection.labels[subset].dtype == selection.indices[subset].dtype == np.int64
        assert selection.files[subset] == [f"{i}.jpg" for i in indices]


def test_unlabelled_tiles_have_no_label(tmp_path):
    index = DatasetIndex([f"{i}.jpg" for i in range(10)], np.arange(10) % 2, ["x", "y"], np.arange(10))
    path = tmp_path / "split.csv"
    write_split(index, [positions_by_subset() | {UNLABELLED: np.array([3, 8])}], path)
    assert path.read_text().splitlines()[3] == "3,3.jpg,,,unlabelled"
    selection = read_selection(path)
    assert selection.indices[UNLABELLED].tolist() == [3, 8]
    assert selection.files[UNLABELLED] == ["3.jpg", "8.jpg"]
    assert UNLABELLED not in selection.labels
    assert selection.classes == ["x", "y"]
    assert selection.count() == 7
    assert (3, UNLABELLED, 0) in selection.places()
    assert set(selection.folds()[0].indices) == set(SUBSETS)


def test_places_of_the_selection_are_in_the_order_of_the_data_set(split_csv):
    assert list(read_selection(split_csv).places()) == [
        (0, "val", 0),
        (1, "train", 0),
        (4, "train", 1),
        (5, "val", 1),
        (6, "train", 2),
        (7, "test", 0),
        (9, "test", 1),
    ]


def test_classes_are_in_the_order_of_their_labels(tmp_path):
    index = DatasetIndex([f"{i}.jpg" for i in range(10)], 1 - np.arange(10) % 2, ["y", "x"], np.arange(10))
    write_split(index, [positions_by_subset()], tmp_path / "split.csv")
    assert read_split(tmp_path / "split.csv")[0].label == 1  # label 1 comes first
    assert read_selection(tmp_path / "split.csv").classes == ["y", "x"]


@pytest.fixture
def folds_csv(tmp_path):
    """Write a split of ten images in two folds. Return its path."""
    index = DatasetIndex([f"{i}.jpg" for i in range(10)], np.arange(10) % 2, ["x", "y"], np.arange(10))
    second = {"train": np.array([7, 8, 9]), "val": np.array([0]), "test": np.array([1, 4])}
    write_split(index, [positions_by_subset(), second], tmp_path / "split.csv")
    return tmp_path / "split.csv"


def test_each_further_fold_has_a_column(folds_csv):
    lines = folds_csv.read_text().splitlines()
    assert lines[:3] == ["index,file,label,class,subset,subset_2", "0,0.jpg,0,x,val,val", "1,1.jpg,1,y,train,test"]
    assert lines[4] == "5,5.jpg,1,y,val,"
    assert lines[7] == "8,8.jpg,0,x,,train"
    assert read_split(folds_csv)[6] == SplitRow(8, "8.jpg", 0, "x", "", ("train",))


def test_the_selection_has_the_images_of_each_fold(folds_csv):
    selection = read_selection(folds_csv)
    assert selection.count() == 8
    assert sorted(index for index, _, _ in selection.places()) == [0, 1, 4, 5, 6, 7, 8, 9]
    first, second = selection.folds()
    assert {subset: of.tolist() for subset, of in first.indices.items()} == {s: sorted(i) for s, i in SUBSET_OF.items()}
    assert {subset: of.tolist() for subset, of in second.indices.items()} == {
        "train": [7, 9, 8],  # first those of the first fold
        "val": [0],
        "test": [1, 4],
    }
    for fold in (first, second):
        for subset, indices in fold.indices.items():
            assert fold.files[subset] == [f"{i}.jpg" for i in indices]
            assert fold.labels[subset].tolist() == [i % 2 for i in indices]


def test_the_pooled_selection_has_the_test_images_of_all_folds(folds_csv):
    pooled = read_selection(folds_csv).pooled()
    assert pooled.indices["test"].tolist() == [7, 9, 1, 4]
    assert pooled.labels["test"].tolist() == [1, 1, 1, 0]
    assert pooled.files["test"] == ["7.jpg", "9.jpg", "1.jpg", "4.jpg"]
    assert pooled.indices["train"].tolist() == [1, 4, 6]


def test_a_fold_without_test_images_is_refused(folds_csv):
    folds_csv.write_text(folds_csv.read_text().replace(",test\n", ",\n"))
    with pytest.raises(UserError, match="has no image for test; needed: one or more"):
        read_selection(folds_csv)


@pytest.mark.parametrize("subset", SUBSETS)
def test_a_subset_without_images_is_refused(split_csv, subset):
    lines = split_csv.read_text().splitlines(keepends=True)
    split_csv.write_text("".join(line for line in lines if not line.endswith(f"{subset}\n")))
    with pytest.raises(UserError, match=f"has no image for {subset}; needed: one or more"):
        read_selection(split_csv)


@pytest.fixture
def dataset_folder(tmp_path):
    """Prepare ten images of two classes. Return the folder of the data set."""
    tree = write_tree(tmp_path / "mine", images=5)
    prepare_dataset(
        Data(name="folder", path=str(tree), url=None, sha256=None, bands=None, scale=None), tmp_path / "dataset"
    )
    return tmp_path / "dataset"


def test_the_encoded_images_of_every_subset_are_read(dataset_folder, tmp_path):
    dataset = TileDataset(dataset_folder)
    index = index_images((LabelledImage(tile.file, tile.label, tile.image) for tile in dataset), dataset.classes)
    write_split(index, [positions_by_subset() | {UNLABELLED: np.array([2])}], tmp_path / "split.csv")
    dataset, selection = open_selection(dataset_folder, tmp_path / "split.csv")
    tiles = selection.read(dataset)
    assert set(tiles) == set(SUBSETS)
    for subset, positions in SUBSET_OF.items():
        expected = [dataset[i] for i in sorted(positions)]
        assert tiles[subset].images.tolist() == [tile.image for tile in expected]
        assert tiles[subset].labels.tolist() == [tile.label for tile in expected]
        assert selection.files[subset] == [tile.file for tile in expected]
    assert len({image for subset in SUBSETS for image in tiles[subset].images}) == 7


@pytest.mark.parametrize("absent", ["10", "-1"])
def test_an_image_that_the_data_set_does_not_have_is_refused(dataset_folder, split_csv, absent):
    split_csv.write_text(split_csv.read_text().replace("9,9.jpg", f"{absent},9.jpg"))
    with pytest.raises(UserError, match=rf"lists image {absent}; .*dataset has images 0 to 9"):
        open_selection(dataset_folder, split_csv)


def test_the_last_image_is_allowed(dataset_folder, split_csv):
    _, selection = open_selection(dataset_folder, split_csv)
    assert selection.indices["test"].max() == 9
