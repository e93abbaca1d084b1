import numpy as np
import pytest

from stages import split
from stages.common.files import read_csv, write_csv
from stages.common.params import Split
from stages.common.stage import UserError

LABELS = np.random.default_rng(1).choice(3, 600, p=[0.6, 0.3, 0.1])
CLASSES = ["a", "b", "c"]


def choose(**changes):
    return split.choose(LABELS, Split(**{"train": 100, "val": 50, "test": 100, "seed": 0} | changes), CLASSES)


def test_train_and_val_are_of_the_first_half_and_test_of_the_second():
    chosen = choose()
    assert {name: len(positions) for name, positions in chosen.items()} == {"train": 100, "val": 50, "test": 100}
    assert max(chosen["train"].max(), chosen["val"].max()) < 300 <= chosen["test"].min()
    assert len(np.unique(np.concatenate(list(chosen.values())))) == 250


def test_each_subset_has_the_proportions_of_its_half():
    for name, positions in choose().items():
        half = LABELS[300:] if name == "test" else LABELS[:300]
        expected = np.bincount(half) / 300 * len(positions)
        assert np.abs(np.bincount(LABELS[positions]) - expected).max() <= 1.5


def test_a_larger_train_contains_the_smaller_and_val_stays():
    small, large = choose(train=40), choose(train=200)
    assert set(small["train"]) < set(large["train"])
    assert (small["val"] == large["val"]).all()


def test_the_seed_decides():
    assert (choose()["train"] == choose()["train"]).all()
    assert (choose()["train"] != choose(seed=1)["train"]).any()


def test_all_takes_what_is_left():
    chosen = choose(train="all", test="all")
    assert len(chosen["train"]) == 250
    assert len(chosen["test"]) == 300


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"train": 251},
            r"split.train \(251\) and split.val \(50\): the first half .* has 300 images \(a \d+, b \d+, c \d+\)",
        ),
        ({"test": 301}, r"split.test \(301\): the second half .* has 300 images \(a"),
        ({"train": "all", "val": 300}, r"split.train \(all\) and split.val \(300\)"),
        ({"train": 2}, r"split.train \(2\) leaves no training image of c"),
    ],
)
def test_what_cannot_be_is_refused(changes, said):
    with pytest.raises(UserError, match=said):
        choose(**changes)


def test_the_stage_writes_the_chosen_images_in_order(world):
    folder = world(**{"split.train": 8, "split.val": 4, "split.test": 8})
    (folder / "data").mkdir()
    write_csv("data/index.csv", ("file", "label", "class"), ((f"{i}.jpg", i % 2, "ab"[i % 2]) for i in range(60)))
    split.main()
    rows = read_csv("data/split.csv")
    assert len(rows) == 20
    assert [int(row["index"]) for row in rows] == sorted(int(row["index"]) for row in rows)
    assert all(row["file"] == f"{row['index']}.jpg" for row in rows)
