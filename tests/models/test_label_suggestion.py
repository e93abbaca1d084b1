"""The choice of the tiles to label next."""

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from eurosat_transfer.models.label_suggestion import (
    NO_LABEL,
    fit_beliefs,
    measure_doubt,
    reduce_features,
    suggest_labels,
)


def groups(sizes, noise=0.05, seed=0):
    """Draw groups of similar rows. Returns the rows and their groups."""
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(len(sizes)), sizes)
    return (rng.normal(0, noise, (len(y), 8)) + 3 * np.eye(len(sizes), 8)[y]).astype(np.float32), y


def unlabelled(count):
    return np.full(count, NO_LABEL)


def rows_of(suggestions):
    return [suggestion.row for suggestion in suggestions]


def test_each_group_has_one_suggestion_and_the_largest_comes_first():
    X, y = groups([5, 40, 20, 10])
    chosen = suggest_labels(X, unlabelled(len(X)), 4)
    assert y[rows_of(chosen)].tolist() == [1, 2, 3, 0]
    assert [suggestion.size for suggestion in chosen] == [40, 20, 10, 5]
    assert [suggestion.cluster for suggestion in chosen] == [1, 2, 3, 4]


def test_the_tile_in_the_middle_of_its_group_is_chosen():
    X, _ = groups([30, 30])
    Z = reduce_features(X)
    for suggestion, of in zip(
        sorted(suggest_labels(X, unlabelled(60), 2)), (np.arange(30), np.arange(30, 60)), strict=True
    ):
        assert suggestion.row == of[((Z[of] - Z[of].mean(axis=0)) ** 2).sum(axis=1).argmin()]


def test_groups_with_a_label_wait_until_the_others_have_one():
    X, y = groups([40, 30, 20, 10])
    known = unlabelled(len(X))
    known[[0, 45]] = [0, 1]
    assert sorted(y[rows_of(suggest_labels(X, known, 2))]) == [2, 3]


def test_labelled_tiles_are_never_suggested_and_all_others_are_at_the_end():
    X, y = groups([6, 5, 4])
    known = np.where(np.arange(15) % 4 == 0, y, NO_LABEL)
    for beliefs in (None, fit_beliefs(X, known)):
        chosen = rows_of(suggest_labels(X, known, 11, beliefs))
        assert sorted(chosen) == np.flatnonzero(known == NO_LABEL).tolist()


def test_tiles_count_by_the_doubt_of_their_class():
    """A third of the tiles lies between two groups. Without beliefs they get a third of the suggestions."""
    rng = np.random.default_rng(0)
    ends = np.repeat([[3.0, 0], [0, 3.0]], 60, axis=0)
    line = np.linspace(0, 1, 60)[:, None] * [[3.0, -3.0]] + [0, 3.0]
    X = np.concatenate([ends, line]) + rng.normal(0, 0.15, (180, 2))
    known = unlabelled(180)
    known[:5], known[60:65] = 0, 1
    beliefs = fit_beliefs(X, known)
    doubts = [measure_doubt(beliefs)[rows_of(suggest_labels(X, known, 12, of))].mean() for of in (None, beliefs)]
    assert doubts[1] > 1.2 * doubts[0]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("count", [1, 7, 30])
def test_copies_of_a_tile_are_one_group(count):
    """Empty tiles, for example, are all the same."""
    X = np.repeat(groups([2, 2])[0], [20, 1, 1, 8], axis=0)
    chosen = rows_of(suggest_labels(X, unlabelled(30), count))
    assert len(set(chosen)) == count
    assert len(np.unique(X[chosen[:4]], axis=0)) == min(count, 4)


def test_a_copy_of_a_labelled_tile_is_suggested_and_the_labelled_one_is_not():
    X = np.repeat(groups([1, 1, 1])[0], 5, axis=0)
    known = np.where(np.arange(15) % 5 == 2, np.repeat(np.arange(3), 5), NO_LABEL)
    assert sorted(rows_of(suggest_labels(X, known, 12))) == np.flatnonzero(known == NO_LABEL).tolist()


@pytest.mark.parametrize("X", [np.ones((5, 3)), np.ones((1, 3)), np.zeros((2, 1))])
def test_tiles_without_any_difference_can_be_suggested(X):
    assert sorted(rows_of(suggest_labels(X, unlabelled(len(X)), len(X)))) == list(range(len(X)))


def test_nothing_is_believed_before_there_are_two_classes():
    X, y = groups([10, 10])
    assert fit_beliefs(X, unlabelled(20)) is None
    known = unlabelled(20)
    known[0] = 0
    assert fit_beliefs(X, known) is None
    known[10] = 1
    assert fit_beliefs(X, known).argmax(axis=1).tolist() == y.tolist()


def test_a_second_tile_of_a_class_with_a_single_label_comes_first():
    X, y = groups([40, 30, 4, 3])
    known = unlabelled(len(X))
    known[[0, 1, 40, 41]], known[[70, 74]] = [0, 0, 1, 1], [2, 3]
    beliefs = fit_beliefs(X, known)
    chosen = suggest_labels(X, known, 6, beliefs)
    assert [suggestion.sought for suggestion in chosen] == [2, 3] + [NO_LABEL] * 4
    assert y[rows_of(chosen)[:2]].tolist() == [2, 3]
    assert len(set(rows_of(chosen))) == 6
    assert rows_of(suggest_labels(X, known, 1, beliefs)) == rows_of(chosen)[:1]


def test_doubt_is_one_between_two_classes_and_zero_if_one_is_certain():
    assert measure_doubt(np.array([[0.5, 0.5, 0], [1, 0, 0], [0.2, 0.5, 0.3]])) == pytest.approx([1, 0, 0.8])


def test_the_number_of_threads_changes_nothing():
    X, y = groups([300, 200, 100], noise=2)
    known = np.where(np.arange(600) % 50 == 0, y, NO_LABEL)
    found = []
    for threads in (1, 4):
        with threadpool_limits(threads):
            beliefs = fit_beliefs(X, known)
            found.append((beliefs.tobytes(), suggest_labels(X, known, 40, beliefs)))
    assert found[0] == found[1]
