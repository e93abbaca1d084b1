import numpy as np
import pytest

from eurosat_transfer.models.cross_validation import Fold, stratified_folds


def folds_of(y: np.ndarray) -> list[Fold]:
    """Divide different rows with these labels."""
    return stratified_folds(np.arange(len(y))[:, None], y)


def test_every_row_is_held_out_once_by_folds_with_all_classes():
    y = np.array([0] * 50 + [1] * 23 + [2] * 2)
    folds = folds_of(y)
    assert len(folds) == 5
    assert sorted(np.concatenate([fold.held_out for fold in folds]).tolist()) == list(range(len(y)))
    for fold in folds:
        assert sorted([*fold.fit, *fold.held_out]) == list(range(len(y)))
        assert set(y[fold.fit]) == {0, 1, 2}
        assert np.bincount(y[fold.held_out])[0] == 10
        assert 14 <= len(fold.held_out) <= 16


def test_class_with_one_row_is_never_held_out():
    y = np.array([0, 1, 0, 0, 0])
    assert all(1 in fold.fit for fold in folds_of(y))
    assert len(folds_of(y)) == 4


@pytest.mark.parametrize("y", [[0], [0, 1, 2]])
def test_one_row_of_each_class_gives_no_folds(y):
    assert folds_of(np.array(y)) == []


def test_folds_stop_when_2000_rows_are_held_out():
    sizes = [len(fold.held_out) for fold in folds_of(np.arange(4500) % 10)]
    assert sizes == [900, 900, 900]


def test_rows_that_follow_each_other_come_into_different_folds_at_random():
    held_out = folds_of(np.zeros(100, int))[0].held_out
    assert len(set(np.diff(held_out).tolist())) > 2


def test_folds_of_different_rows_depend_on_the_labels_only():
    """Results without copies stay as they were before copies came into the same fold."""
    found = [fold.held_out.tolist() for fold in folds_of(np.array([0, 1] * 6 + [2]))]
    assert found == [[8, 10, 11], [1, 2, 7], [4, 5], [0, 3], [6, 9]]


@pytest.mark.parametrize("count", [60, 4500])
def test_every_row_twice_gives_the_folds_of_every_row_once(count):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(count, 3)).astype(np.float32), rng.integers(0, 10, count)
    once, twice = stratified_folds(X, y), stratified_folds(np.repeat(X, 2, axis=0), np.repeat(y, 2))
    assert len(once) == len(twice)
    for one, two in zip(once, twice, strict=True):
        np.testing.assert_array_equal(two.held_out, np.repeat(2 * one.held_out, 2) + [0, 1] * len(one.held_out))
        assert len(two.fit) == 2 * len(one.fit)


def test_class_with_copies_of_one_row_is_never_held_out():
    X, y = np.array([0, 1, 2, 3, 4, 9, 9, 9])[:, None], np.array([0, 0, 0, 0, 0, 1, 1, 1])
    folds = stratified_folds(X, y)
    assert len(folds) == 5
    assert all({5, 6, 7} < set(fold.fit.tolist()) for fold in folds)


def test_equal_rows_with_different_labels_are_never_held_out():
    X, y = np.array([0, 1, 2, 3, 9, 9, 8, 8])[:, None], np.array([0, 0, 0, 0, 1, 0, 0, 1])
    folds = stratified_folds(X, y)
    assert len(folds) == 4
    assert all({4, 5, 6, 7} < set(fold.fit.tolist()) for fold in folds)


def test_negative_zero_is_zero():
    folds = stratified_folds(np.array([[0.0], [-0.0], [1.0], [2.0]]), np.zeros(4, int))
    assert [0, 1] in [fold.held_out.tolist() for fold in folds]
