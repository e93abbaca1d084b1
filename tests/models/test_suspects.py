"""Labels that look wrong."""

import numpy as np
import pytest

from eurosat_transfer.models.suspects import FLAGGED_BELOW, find_suspects

CLASSES = 5


def draw(count: int = 500, spread: float = 1.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draw rows around the centres of the classes. A larger spread makes the classes overlap."""
    rng, y = np.random.default_rng(seed), np.arange(count) % CLASSES
    return (rng.normal(0, spread, (count, 8)) + 3 * np.eye(CLASSES, 8)[y]).astype(np.float32), y


def flip(y: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Give some rows the label of the next class."""
    changed = y.copy()
    changed[rows] = (y[rows] + 1) % CLASSES
    return changed


def test_wrong_labels_come_first_with_their_true_class():
    X, y = draw(spread=0.5)
    wrong = np.array([3, 77, 240, 411])
    found = find_suspects(X, flip(y, wrong), CLASSES)
    assert set(found.rows[:4].tolist()) == set(wrong.tolist())
    assert (found.suggested[:4] == y[found.rows[:4]]).all()
    assert (found.given == flip(y, wrong)[found.rows]).all()
    assert found.flagged[:4].all()


def test_rows_are_sorted_and_flagged_by_the_probability_of_their_label():
    X, y = draw(spread=2)
    found = find_suspects(X, y, CLASSES)
    assert sorted(found.rows.tolist()) == list(range(len(y)))
    assert (np.diff(found.of_given) >= 0).all()
    assert (found.flagged == (found.of_given < FLAGGED_BELOW)).all()
    assert 0 < found.flagged.sum() < len(y)
    assert (found.suggested != found.given).all()
    assert (found.of_given + found.of_suggested <= 1 + 1e-12).all()


def test_correct_labels_give_about_the_expected_number_of_flags():
    """The classes overlap, so that many correct labels are improbable."""
    flagged, expected, beyond = [], [], 0
    for seed in range(10):
        found = find_suspects(*draw(spread=1.8, seed=seed), CLASSES)
        flagged.append(found.flagged.sum())
        expected.append(found.expected)
        beyond += found.flagged.sum() > found.expected_high
    assert np.mean(expected) > 5
    assert np.mean(flagged) == pytest.approx(np.mean(expected), rel=0.25)
    assert beyond <= 1


def test_wrong_labels_give_more_flags_than_expected_and_are_estimated():
    X, y = draw(1000, spread=0.9)
    rng = np.random.default_rng(0)
    wrong = rng.random(1000) < 0.05
    labels = np.where(wrong, (y + rng.integers(1, CLASSES, 1000)) % CLASSES, y)
    found = find_suspects(X, labels, CLASSES)
    assert found.flagged.sum() > found.expected_high
    assert found.noise == pytest.approx(wrong.mean(), abs=0.015)


def test_a_row_that_cannot_be_judged_is_left_out():
    X, y = draw(100)
    y[7] = CLASSES
    assert 7 not in find_suspects(X, y, CLASSES + 1).rows


def test_nothing_can_be_judged_if_each_class_has_one_row():
    found = find_suspects(np.eye(3, dtype=np.float32), np.arange(3), 3)
    assert (len(found.rows), found.flagged.sum(), found.expected, found.expected_high) == (0, 0, 0, 0)


def test_two_classes_can_be_judged():
    X, y = draw(spread=0.5)
    two = y < 2
    labels = np.where(np.arange(two.sum()) == 5, 1 - y[two], y[two])
    found = find_suspects(X[two], labels, 2)
    assert found.rows[0] == 5


def test_rows_with_the_same_probability_keep_their_order():
    X, y = draw(100)
    found = find_suspects(np.concatenate([X, X]), np.concatenate([y, y]), CLASSES)
    place = np.argsort(found.rows)
    assert (place[100:] == place[:100] + 1).all()  # a copy follows its original
