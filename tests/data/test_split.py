"""The split: sizes, halves, proportions and seeds, from the labels to data/split.csv."""

import numpy as np
import pytest

from eurosat_transfer.data.split import split_dataset, stratified_order
from eurosat_transfer.data.subsets import SUBSETS
from eurosat_transfer.errors import UserError
from eurosat_transfer.io.csv_files import read_csv, write_csv
from eurosat_transfer.parameters.split import Split
from stages import split

LABELS = np.random.default_rng(1).choice(3, 601, p=[0.6, 0.3, 0.1])
CLASSES = ["a", "b", "c"]
FIRST_HALF = "available: 300 images in the first half of the data set (a 179, b 93, c 28)"


def split_labels(labels=LABELS, **changes):
    return split_dataset(labels, Split(**{"train": 100, "val": 50, "test": 100, "seed": 0} | changes), CLASSES)


def test_train_and_val_come_from_the_first_half_and_test_from_the_second():
    subsets = split_labels()
    assert list(subsets) == list(SUBSETS)
    assert {name: len(positions) for name, positions in subsets.items()} == {"train": 100, "val": 50, "test": 100}
    assert max(subsets["train"].max(), subsets["val"].max()) < 300 <= subsets["test"].min()


@pytest.mark.parametrize("sizes", [{}, {"train": 250}, {"train": "all", "test": "all"}, {"train": "all", "val": 1}])
def test_no_image_is_in_two_subsets(sizes):
    subsets = split_labels(**sizes)
    positions = np.concatenate(list(subsets.values()))
    assert len(np.unique(positions)) == len(positions) == sum(map(len, subsets.values()))


def test_size_all_takes_every_image_of_a_half():
    subsets = split_labels(train="all", test="all")
    assert sorted([*subsets["train"], *subsets["val"]]) == list(range(300))
    assert subsets["test"].tolist() == list(range(300, 601))  # the second half has the odd image


def test_positions_are_sorted_integers():
    for positions in split_labels().values():
        assert positions.dtype == np.int64
        assert (np.diff(positions) > 0).all()


def test_each_subset_has_the_proportions_of_its_half():
    for name, positions in split_labels().items():
        half = LABELS[300:] if name == "test" else LABELS[:300]
        expected = np.bincount(half) / len(half) * len(positions)
        assert np.abs(np.bincount(LABELS[positions]) - expected).max() <= 1.5


@pytest.mark.parametrize("length", [2, 17, 101])
def test_every_prefix_and_suffix_of_the_order_is_stratified(length):
    order = stratified_order(LABELS, np.random.default_rng(3))
    assert sorted(order) == list(range(len(LABELS)))
    expected = np.bincount(LABELS) / len(LABELS) * length
    for part in (order[:length], order[-length:]):
        assert np.abs(np.bincount(LABELS[part], minlength=3) - expected).max() <= 1.5


def test_the_order_inside_a_class_is_random():
    order = stratified_order(np.zeros(50, int), np.random.default_rng(0))
    assert order.tolist() != list(range(50))
    assert order.tolist() != stratified_order(np.zeros(50, int), np.random.default_rng(1)).tolist()


def test_larger_subsets_contain_the_smaller_ones():
    small, large = split_labels(train=40, val=10, test=30), split_labels(train=200, val=50, test=200)
    for subset in SUBSETS:
        assert set(small[subset]) < set(large[subset])


def test_the_size_of_train_does_not_change_val():
    assert split_labels(train=40)["val"].tolist() == split_labels(train=200)["val"].tolist()


def test_the_same_seed_gives_the_same_split():
    for subset, positions in split_labels(seed=5).items():
        assert positions.tolist() == split_labels(seed=5)[subset].tolist()


@pytest.mark.parametrize("subset", SUBSETS)
def test_the_seed_changes_every_subset(subset):
    assert split_labels(seed=0)[subset].tolist() != split_labels(seed=1)[subset].tolist()


def test_split_matches_the_stored_positions():
    subsets = split_labels(np.arange(40) % 3, train=6, val=3, test=4)
    expected = {"train": [2, 3, 4, 6, 11, 19], "val": [1, 14, 15], "test": [24, 26, 31, 36]}
    assert {name: positions.tolist() for name, positions in subsets.items()} == expected


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train": 251}, f"split.train=251 and split.val=50 ask for too many images; {FIRST_HALF}"),
        ({"train": "all", "val": 300}, f"split.train=all and split.val=300 ask for too many images; {FIRST_HALF}"),
        ({"train": 1, "val": 300}, "split.train=1 and split.val=300 ask for too many images"),
        ({"test": 302}, "split.test=302 asks for too many images; available: 301 images in the second half"),
        ({"train": 2}, f"split.train=2 leaves no training image of c; {FIRST_HALF}"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(UserError) as refusal:
        split_labels(**changes)
    assert message in str(refusal.value)


def test_the_largest_sizes_are_allowed():
    assert {s: len(p) for s, p in split_labels(train=250, test=301).items()} == {"train": 250, "val": 50, "test": 301}
    assert len(split_labels(train="all", val=290)["train"]) == 10


def test_a_class_that_is_missing_in_the_first_half_is_named():
    labels = np.array([0, 1] * 20 + [0, 1, 2] * 10)  # the second half alone has the class c
    with pytest.raises(UserError, match=r"leaves no training image of c; .* \(a 18, b 17, c 0\)"):
        split_labels(labels, train=10, val=5, test=5)


B_OR_A = (("1", "b"), ("0", "a"), ("0", "a"))  # label and class of every three images


@pytest.fixture
def indexed(world):
    """Write an index of 60 images, every third of class b, and parameters that fit it. Return the folder."""
    folder = world(**{"split.train": 8, "split.val": 4, "split.test": 8})
    (folder / "data").mkdir()
    write_csv("data/index.csv", ("file", "label", "class"), ((f"{i}.jpg", *B_OR_A[i % 3]) for i in range(60)))
    return folder


@pytest.mark.usefixtures("indexed")
def test_the_stage_lists_the_selected_images_in_order(capsys):
    split.main()
    rows = read_csv("data/split.csv")
    indices = [int(row["index"]) for row in rows]
    assert indices == sorted(set(indices))
    for row, index in zip(rows, indices, strict=True):
        assert (row["file"], row["label"], row["class"]) == (f"{index}.jpg", *B_OR_A[index % 3])
        assert (row["subset"] == "test") == (index >= 30)
    assert [sum(row["subset"] == subset for row in rows) for subset in SUBSETS] == [8, 4, 8]
    assert capsys.readouterr().out == "8 train, 4 val, 8 test of 60 images\n"


def test_the_stage_writes_nothing_if_the_sizes_do_not_fit(indexed, world):
    world(**{"split.train": 31})
    with pytest.raises(UserError, match=r"split\.train=31 and split\.val=20 .* \(a 20, b 10\)"):
        split.main()
    assert not (indexed / "data/split.csv").exists()
