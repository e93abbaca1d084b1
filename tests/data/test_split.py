"""The split: sizes, halves, folds, proportions, copies and seeds, from the index to data/split.csv."""

import numpy as np
import pytest
from pydantic import ValidationError

from eurosat_transfer.data.index import COLUMNS, DatasetIndex
from eurosat_transfer.data.split import split_dataset, stratified_order
from eurosat_transfer.data.subsets import SUBSETS, UNLABELLED
from eurosat_transfer.errors import UserError
from eurosat_transfer.io.csv_files import read_csv, write_csv
from eurosat_transfer.parameters.split import Split
from stages import split

LABELS = np.random.default_rng(1).choice(3, 601, p=[0.6, 0.3, 0.1])
CLASSES = ["a", "b", "c"]
FIRST_HALF = "available for train and val: 300 images (a 179, b 93, c 28)"
RULES = {
    "train": 100, "val": 50, "test": 100, "by": "order", "groups": None, "folds": 1,
    "contradictions": "exclude", "unlabelled": "none", "seed": 0,
}  # fmt: skip


def index_of(labels, groups=None):
    """Make an index of images with these labels. Images of one group are copies."""
    groups = np.arange(len(labels)) if groups is None else np.array(groups)
    return DatasetIndex([f"{i}.jpg" for i in range(len(labels))], np.array(labels), CLASSES, groups)


def split_folds(labels=LABELS, groups=None, **changes):
    return split_dataset(index_of(labels, groups), Split(**RULES | {"by": "class"} | changes))


def split_labels(labels=LABELS, **changes):
    (subsets,) = split_folds(labels, **{"by": "order"} | changes)
    return subsets


def test_by_order_train_and_val_come_from_the_first_half_and_test_from_the_second():
    subsets = split_labels()
    assert list(subsets) == list(SUBSETS)
    assert {name: len(positions) for name, positions in subsets.items()} == {"train": 100, "val": 50, "test": 100}
    assert max(subsets["train"].max(), subsets["val"].max()) < 300 <= subsets["test"].min()


@pytest.mark.parametrize("by", ["class", "order"])
@pytest.mark.parametrize("sizes", [{}, {"train": 250}, {"train": "all", "test": "all"}, {"train": "all", "val": 1}])
def test_no_image_is_in_two_subsets(by, sizes):
    subsets = split_labels(by=by, **sizes)
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


@pytest.mark.parametrize("by", ["class", "order"])
def test_larger_subsets_contain_the_smaller_ones(by):
    small, large = (split_labels(by=by, train=n, val=n // 4, test=n) for n in (40, 200))
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


def test_split_by_class_matches_the_stored_positions():
    subsets = split_labels(np.arange(40) % 3, by="class", train=6, val=3, test=4)
    expected = {"train": [12, 23, 31, 33, 34, 35], "val": [19, 32, 39], "test": [2, 3, 13, 38]}
    assert {name: positions.tolist() for name, positions in subsets.items()} == expected


def test_split_by_order_matches_the_stored_positions():
    subsets = split_labels(np.arange(40) % 3, train=6, val=3, test=4)
    expected = {"train": [2, 3, 4, 6, 11, 19], "val": [1, 14, 15], "test": [24, 26, 31, 36]}
    assert {name: positions.tolist() for name, positions in subsets.items()} == expected


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train": 251}, f"split.train=251 and split.val=50 ask for too many images; {FIRST_HALF}"),
        ({"train": "all", "val": 300}, f"split.train=all and split.val=300 ask for too many images; {FIRST_HALF}"),
        ({"train": 1, "val": 300}, "split.train=1 and split.val=300 ask for too many images"),
        ({"test": 302}, "split.test=302 asks for too many images; available for test: 301 images (a "),
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


def counts_of(labels, positions):
    return np.bincount(np.asarray(labels)[positions], minlength=3).tolist()


def test_by_class_both_halves_have_their_share_of_every_class():
    labels = [0] * 25 + [1] * 31 + [2] * 12
    subsets = split_labels(labels, by="class", train="all", val=4, test="all")
    first = np.concatenate([subsets["train"], subsets["val"]])
    assert counts_of(labels, first) == [13, 15, 6]
    assert counts_of(labels, subsets["test"]) == [12, 16, 6]


def test_a_rare_class_gets_training_and_test_images_although_its_images_follow_each_other():
    """By order, 9 of its 12 tiles would be in the second half."""
    labels = np.array([0, 1] * 100 + [2] * 12 + [0, 1] * 95)
    by_class = split_labels(labels, by="class", train="all", val=20, test="all")
    assert counts_of(labels, by_class["test"])[2] == 6
    by_order = split_labels(labels, train="all", val=20, test="all")
    assert counts_of(labels, by_order["test"])[2] == 11


def test_the_seed_changes_the_halves_by_class_only():
    def half(by, seed):
        return split_labels(by=by, seed=seed, test="all")["test"].tolist()

    assert half("class", 0) != half("class", 1)
    assert half("order", 0) == half("order", 1)


@pytest.mark.parametrize("folds", [2, 3, 5])
def test_every_image_is_tested_once(folds):
    found = split_folds(folds=folds, train="all", test="all")
    assert len(found) == folds
    assert sorted(np.concatenate([fold["test"] for fold in found])) == list(range(len(LABELS)))
    for fold in found:
        assert sorted(np.concatenate(list(fold.values()))) == list(range(len(LABELS)))
        assert len(fold["val"]) == 50
        assert np.abs(np.bincount(LABELS[fold["test"]]) - np.bincount(LABELS) / folds).max() < 1


def test_train_and_val_are_for_each_fold_and_test_is_for_all_folds():
    found = split_folds(folds=3, train=80, val=20, test=100)
    assert [[len(fold[subset]) for subset in SUBSETS] for fold in found] == [[80, 20, 34], [80, 20, 33], [80, 20, 33]]
    assert len(set(np.concatenate([fold["test"] for fold in found]))) == 100


def test_folds_by_order_are_tested_block_by_block_from_the_last_one():
    found = split_folds(by="order", folds=3, train="all", test="all")
    blocks = [list(range(400, 601)), list(range(200, 400)), list(range(200))]
    assert [fold["test"].tolist() for fold in found] == blocks


def test_a_rare_class_is_tested_in_as_many_folds_as_it_has_images():
    labels = [0] * 50 + [1] * 50 + [2] * 3
    found = split_folds(labels, folds=5, train="all", val=5, test="all")
    assert sorted(counts_of(labels, fold["test"])[2] for fold in found) == [0, 0, 1, 1, 1]


def test_a_class_too_small_for_the_folds_is_named():
    message = (
        r"split\.train=73 leaves no training image of c in fold 5 of 5; "
        r"available for train and val in fold 5 of 5: 80 images \(a 40, b 40, c 0\)"
    )
    with pytest.raises(UserError, match=message):
        split_folds([0] * 50 + [1] * 50 + [2], folds=5, train=73, val=5, test="all")


def test_more_folds_than_images_are_refused():
    with pytest.raises(UserError, match=r"split\.folds=1000000000 is too large; allowed: 1 to 600, the different"):
        split_folds(groups=[0, *range(600)], folds=10**9, test="all", contradictions="keep")


def test_fewer_test_images_than_folds_are_refused():
    with pytest.raises(ValidationError, match=r"split.test must be all or at least split.folds, .*found 4 with"):
        Split(**RULES | {"test": 4, "folds": 5})


def groups_of_copies(count=601, share=3):
    """Make every third image a copy of the image half a data set, or one image, before it."""
    groups = np.arange(count)
    for i in range(share, count, share):
        groups[i] = groups[i - 1] if i % 2 else groups[i - min(i, count // 2)]
    return groups


@pytest.mark.parametrize("by", ["class", "order"])
@pytest.mark.parametrize("folds", [1, 2, 5])
@pytest.mark.parametrize("sizes", [{"train": "all", "test": "all"}, {"train": 100, "test": 90}])
def test_copies_are_in_one_subset(by, folds, sizes):
    groups = groups_of_copies()
    labels = LABELS[groups]
    for seed in range(3):
        found = split_folds(labels, groups, by=by, folds=folds, val=41, seed=seed, unlabelled="rest", **sizes)
        for fold in found:
            assert len(fold["val"]) == 41
            subset_of = {}
            for subset, positions in fold.items():
                for group in groups[positions].tolist():
                    assert subset_of.setdefault(group, subset) == subset
        tested = np.concatenate([fold["test"] for fold in found])
        assert len(tested) == len(set(tested))


@pytest.mark.parametrize("by", ["class", "order"])
def test_images_with_a_copy_of_another_label_are_left_out_unless_they_are_kept(by):
    labels = np.arange(60) % 3
    groups = np.arange(60)
    groups[[9, 31, 50]] = [6, 30, 47]  # labels 0 0, 1 0 and 2 2
    selected = {}
    for rule in ("exclude", "keep"):
        (subsets,) = split_folds(labels, groups, by=by, train="all", val=6, test="all", contradictions=rule)
        selected[rule] = sorted(np.concatenate(list(subsets.values())))
    assert selected["keep"] == list(range(60))
    assert selected["exclude"] == [i for i in range(60) if i not in (30, 31)]


@pytest.mark.parametrize("by", ["class", "order"])
def test_the_rest_of_the_training_half_is_unlabelled(by):
    changes = {"by": by, "train": 100, "val": 50, "test": "all"}
    subsets = split_labels(unlabelled="rest", **changes)
    everything = np.concatenate(list(subsets.values()))
    assert sorted(everything) == list(range(601))  # no image is in two subsets, and none is left over
    assert len(subsets[UNLABELLED]) == len(split_labels(**changes | {"train": "all"})["train"]) - 100
    assert (np.diff(subsets[UNLABELLED]) > 0).all()
    without = split_labels(**changes)
    assert UNLABELLED not in without
    assert all(without[subset].tolist() == subsets[subset].tolist() for subset in SUBSETS)
    assert UNLABELLED not in split_labels(unlabelled="test", **changes)


def test_no_unlabelled_image_contradicts_others_or_is_a_copy():
    labels = np.arange(60) % 3
    groups = np.arange(60)
    groups[[9, 31, 50]] = [6, 30, 47]  # labels 0 0, 1 0 and 2 2
    for seed in range(20):
        (subsets,) = split_folds(labels, groups, train=8, val=6, test="all", unlabelled="rest", seed=seed)
        assert not {30, 31} & set(subsets[UNLABELLED])
        others = np.concatenate([subsets[subset] for subset in SUBSETS])
        assert not set(groups[subsets[UNLABELLED]]) & set(groups[others])


def test_without_a_rest_no_image_is_unlabelled():
    assert list(split_labels(train="all", unlabelled="rest")) == list(SUBSETS)


B_OR_A = (("1", "b"), ("0", "a"), ("0", "a"))  # label and class of every three images


@pytest.fixture
def indexed(world):
    """Write an index of 60 images, every third of class b, and parameters that fit it. Return the folder."""
    folder = world(**{"split.train": 8, "split.val": 4, "split.test": 8})
    (folder / "data").mkdir()
    write_csv("data/index.csv", COLUMNS, ((f"{i}.jpg", *B_OR_A[i % 3], i) for i in range(60)))
    return folder


@pytest.mark.usefixtures("indexed")
def test_the_stage_lists_the_selected_images_in_order(capsys):
    split.main()
    rows = read_csv("data/split.csv")
    indices = [int(row["index"]) for row in rows]
    assert indices == sorted(set(indices))
    for row, index in zip(rows, indices, strict=True):
        label = ("", "") if row["subset"] == UNLABELLED else B_OR_A[index % 3]
        assert (row["file"], row["label"], row["class"]) == (f"{index}.jpg", *label)
    counts = [sum(row["subset"] == subset for row in rows) for subset in (*SUBSETS, UNLABELLED)]
    assert counts == [8, 4, 8, 18]
    assert capsys.readouterr().out == "8 train, 4 val, 8 test, 18 unlabelled of 60 images\n"


@pytest.mark.usefixtures("indexed")
def test_the_stage_says_that_folds_have_no_unlabelled_images(world, capsys):
    world(**{"split.train": 8, "split.val": 4, "split.test": 12, "split.folds": 2})
    split.main()
    assert (
        "split.unlabelled=rest has no effect with split.folds=2: what one fold leaves over, other"
        in capsys.readouterr().out
    )
    assert {row["subset"] for row in read_csv("data/split.csv")} == {*SUBSETS, ""}


@pytest.mark.usefixtures("indexed")
def test_the_stage_counts_the_contradictions_that_it_leaves_out(world, capsys):
    write_csv("data/index.csv", COLUMNS, ((f"{i}.jpg", *B_OR_A[i % 3], 0 if i == 1 else i) for i in range(60)))
    split.main()
    assert capsys.readouterr().out.endswith("\n2 images are left out, because they have a copy with another label\n")
    assert not {"0.jpg", "1.jpg"} & {row["file"] for row in read_csv("data/split.csv")}
    world(**{"split.train": 26, "split.val": 4, "split.test": 30, "split.contradictions": "keep"})
    split.main()
    assert capsys.readouterr().out == "26 train, 4 val, 30 test of 60 images\n"


def test_the_stage_writes_nothing_if_the_sizes_do_not_fit(indexed, world):
    world(**{"split.train": 31})
    with pytest.raises(UserError, match=r"split\.train=31 and split\.val=20 .* \(a 20, b 10\)"):
        split.main()
    assert not (indexed / "data/split.csv").exists()


SMALL = {"train": 4, "val": 2, "test": 4}


def test_if_all_images_contradict_each_other_the_line_says_so():
    with pytest.raises(UserError, match=r"no image is left: all 8 have a copy with another label, see data/.*=keep"):
        split_folds([0, 1] * 4, [0] * 8, **SMALL)


def test_classes_without_two_different_images_are_named_with_what_to_do():
    message = r"for train and val: 24 images \(a 8, b 8, c 8\); fewer than two different images: a, b, c: add images of"
    with pytest.raises(UserError, match=message):
        split_folds([0, 1, 2] * 8, [0, 1, 2] * 8, **SMALL)


def test_a_class_without_training_image_names_the_way_out():
    labels = [0] * 30 + [1] * 30 + [2]  # the image of c is not among the first two of 31
    message = r"leaves no training image of c; .*; set a larger split.train or all, or label more .*: c: add images"
    with pytest.raises(UserError, match=message):
        split_folds(labels, train=2, val=2, test=4)


@pytest.mark.parametrize("seed", range(5))
def test_val_does_not_take_the_last_image_of_a_class(seed):
    """Of each class there are two labels: one is for the test, and the other one for training."""
    for subsets in split_folds([0, 1, 2] * 2 + [0] * 10, folds=3, train="all", val=2, test="all", seed=seed):
        assert len(subsets["val"]) == 2
        assert set(np.array([0, 1, 2] * 2 + [0] * 10)[subsets["train"]]) == {0, 1, 2}


@pytest.mark.parametrize("folds", [1, 3])
def test_images_without_labels_are_unlabelled_in_every_fold(folds):
    labels = np.where(np.arange(601) % 2, LABELS, -1)
    groups = np.arange(601)
    groups[2], groups[4] = 1, 0  # a copy of a labelled image, and one of an unlabelled image
    common = {"folds": folds, "train": "all", "val": 20, "test": "all"}
    for subsets in split_folds(labels, groups, unlabelled="rest", **common):
        assert subsets[UNLABELLED].tolist() == [place for place in range(0, 601, 2) if place != 2]
        assert all((labels[subsets[subset]] >= 0).all() for subset in SUBSETS)
    assert all(UNLABELLED not in subsets for subsets in split_folds(labels, groups, unlabelled="none", **common))


def test_the_stage_says_what_to_do_about_a_class_of_one_image(world, capsys):
    world(**{"split.train": "all", "split.val": 2, "split.test": "all"})
    rows = [(f"{i}.jpg", label, CLASSES[label], i) for i, label in enumerate([0] * 10 + [1] * 10 + [2])]
    write_csv("data/index.csv", COLUMNS, rows)
    split.main()
    line = "classes with fewer than two different images: c; they cannot be both trained and tested: add images"
    assert line in capsys.readouterr().out
