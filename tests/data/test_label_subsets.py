"""Nested subsets with the same number of images of every class."""

import numpy as np
import pytest

from eurosat_transfer.data.label_subsets import nested_label_subsets

Y = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], [20, 30, 8]))


@pytest.mark.parametrize("size", [1, 3, 8])
def test_every_class_has_the_same_number_of_images(size):
    (positions,) = nested_label_subsets(Y, [size], seed=0)
    assert np.bincount(Y[positions]).tolist() == [size] * 3
    assert len(np.unique(positions)) == 3 * size
    assert positions.dtype == np.int64


def test_subsets_are_nested_and_in_increasing_order():
    subsets = nested_label_subsets(Y, [8, 1, 3, 3], seed=0)
    assert list(map(len, subsets)) == [3, 9, 24]
    assert set(subsets[0]) < set(subsets[1]) < set(subsets[2])


@pytest.mark.parametrize(("sizes", "left"), [([1, 8], [3, 24]), ([1, 9], [3]), ([9, 100], [])])
def test_sizes_that_a_class_does_not_have_are_left_out(sizes, left):
    assert list(map(len, nested_label_subsets(Y, sizes, seed=0))) == left


def test_a_subset_does_not_depend_on_the_other_sizes():
    assert nested_label_subsets(Y, [3], seed=0)[0].tolist() == nested_label_subsets(Y, [1, 3, 8], seed=0)[1].tolist()


def test_the_seed_changes_which_images_are_drawn():
    first, again, other = (nested_label_subsets(Y, [5], seed)[0].tolist() for seed in (0, 0, 1))
    assert first == again
    assert sorted(first) != sorted(other)


def test_images_are_drawn_at_random():
    """Each of the 20 images of class 0 is drawn about equally often over many seeds."""
    drawn = np.concatenate([nested_label_subsets(Y, [5], seed)[0] for seed in range(400)])
    times = np.bincount(drawn, minlength=len(Y))[Y == 0]
    assert 60 < times.min() < times.max() < 140  # expected: 100


def test_labels_that_skip_numbers_are_accepted():
    (positions,) = nested_label_subsets(Y * 5 + 2, [2], seed=0)
    assert np.unique((Y * 5 + 2)[positions]).tolist() == [2, 7, 12]
