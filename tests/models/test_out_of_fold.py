"""Out-of-fold scores."""

import numpy as np
from threadpoolctl import threadpool_limits

from eurosat_transfer.models.out_of_fold import out_of_fold_scores


def separable(count: int = 60, classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Draw rows whose classes are easy to tell apart."""
    rng, y = np.random.default_rng(0), np.arange(count) % classes
    return (rng.normal(0, 0.3, (count, 6)) + 3 * np.eye(classes, 6)[y]).astype(np.float32), y


def test_every_row_is_scored_and_rows_of_clear_classes_are_right():
    X, y = separable()
    found = out_of_fold_scores(X, y, 4)
    assert found.rows.tolist() == list(range(60))
    assert (found.scores.argmax(axis=1) == y).all()
    assert np.isinf(found.scores[:, 3]).all()  # the class has no row
    assert np.isfinite(found.scores[:, :3]).all()


def test_many_rows_are_all_scored():
    X, y = separable(2100)
    found = out_of_fold_scores(X, y, 3)
    assert found.rows.tolist() == list(range(2100))
    assert (found.scores.argmax(axis=1) == y).all()


def test_a_label_without_a_pattern_is_not_remembered():
    """A classifier that was fitted on these rows would know most of their labels."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 40)).astype(np.float32), rng.integers(0, 2, 200)
    found = out_of_fold_scores(X, y, 2)
    assert (found.scores.argmax(axis=1) == y).mean() < 0.62


def test_copies_with_one_wrong_label_do_not_vouch_for_each_other():
    X, y = separable()
    X, y = np.concatenate([X, np.repeat(X[:1], 20, axis=0)]), np.concatenate([y, np.full(20, 1)])
    y[0] = 1
    found = out_of_fold_scores(X, y, 3)
    copies = np.isin(found.rows, [0, *range(60, 80)])
    assert (found.scores[copies].argmax(axis=1) == 0).all()


def test_copies_with_different_labels_are_scored_too():
    X, y = separable()
    found = out_of_fold_scores(np.concatenate([X, X[:1]]), np.append(y, 2), 3)
    assert found.rows.tolist() == list(range(61))
    assert found.scores[[0, 60]].argmax(axis=1).tolist() == [0, 0]


def test_a_row_that_is_alone_in_its_class_is_left_out():
    X, y = separable()
    y = np.where(np.arange(60) == 7, 3, y)
    assert out_of_fold_scores(X, y, 4).rows.tolist() == [row for row in range(60) if row != 7]


def test_copies_that_are_alone_in_their_class_are_left_out():
    X, y = separable()
    X[10], y[7], y[10] = X[7], 3, 3
    assert out_of_fold_scores(X, y, 4).rows.tolist() == [row for row in range(60) if row not in (7, 10)]


def test_one_row_of_each_class_cannot_be_scored():
    assert out_of_fold_scores(np.eye(3, dtype=np.float32), np.arange(3), 3).scores.shape == (0, 3)


def test_copies_of_one_row_of_each_class_cannot_be_scored():
    X = np.repeat(np.eye(2, dtype=np.float32), 4, axis=0)
    assert len(out_of_fold_scores(X, np.repeat([0, 1], 4), 2).rows) == 0


def test_two_rows_of_two_classes_are_scored():
    X = np.array([[0, 0], [0, 1], [9, 0], [9, 1]], np.float32)
    assert len(out_of_fold_scores(X, np.array([0, 0, 1, 1]), 2).rows) == 4


def test_the_scores_are_the_same_on_one_thread_and_on_many():
    X, y = separable(200)
    with threadpool_limits(1):
        one = out_of_fold_scores(X, y, 3)
    np.testing.assert_array_equal(one.scores, out_of_fold_scores(X, y, 3).scores)
