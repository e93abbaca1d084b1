import numpy as np
import pytest

from eurosat_transfer.models.cross_validation import stratified_folds


def test_every_row_is_held_out_once_by_folds_with_all_classes():
    y = np.array([0] * 50 + [1] * 23 + [2] * 2)
    folds = stratified_folds(y)
    assert len(folds) == 5
    assert sorted(np.concatenate([fold.held_out for fold in folds]).tolist()) == list(range(len(y)))
    for fold in folds:
        assert sorted([*fold.fit, *fold.held_out]) == list(range(len(y)))
        assert set(y[fold.fit]) == {0, 1, 2}
        assert np.bincount(y[fold.held_out])[0] == 10
        assert 14 <= len(fold.held_out) <= 16


def test_class_with_one_row_is_never_held_out():
    y = np.array([0, 1, 0, 0, 0])
    assert all(1 in fold.fit for fold in stratified_folds(y))
    assert len(stratified_folds(y)) == 4


@pytest.mark.parametrize("y", [[0], [0, 1, 2]])
def test_one_row_of_each_class_gives_no_folds(y):
    assert stratified_folds(np.array(y)) == []


def test_folds_stop_when_2000_rows_are_held_out():
    sizes = [len(fold.held_out) for fold in stratified_folds(np.arange(4500) % 10)]
    assert sizes == [900, 900, 900]


def test_rows_that_follow_each_other_come_into_different_folds_at_random():
    held_out = stratified_folds(np.zeros(100, int))[0].held_out
    assert len(set(np.diff(held_out).tolist())) > 2
