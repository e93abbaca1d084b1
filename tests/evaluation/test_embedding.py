"""Quality of features and of their pictures."""

import tracemalloc

import numpy as np
import pytest
from sklearn import manifold

from eurosat_transfer.evaluation.embedding import BLOCK, NEIGHBOURS, neighbour_agreement, trustworthiness
from eurosat_transfer.exact import grid_step, round_to_grid


def random_rows(count: int, columns: int) -> np.ndarray:
    rows = np.random.default_rng(0).normal(size=(count, columns))
    return round_to_grid(rows, grid_step(rows))


def test_neighbour_agreement_by_hand():
    neighbours = np.array([[1, 2], [0, 2], [3, 0], [2, 1]])
    labels = np.array([0, 0, 1, 0])
    # Row 0: 1 of 2 neighbours has label 0; row 1: 1 of 2; row 2: none has label 1; row 3: 1 of 2.
    assert neighbour_agreement(neighbours, labels) == 3 / 8


def test_trustworthiness_by_hand():
    # The picture moves row 0 next to row 3, so that each is the nearest of the other. With k = 1:
    # row 3 is only the third nearest of row 0, which costs 3 - 1; row 0 is the fourth nearest of row 3: 4 - 1.
    rows = np.array([[0.0], [1.0], [2.0], [3.5], [5.5]])
    points = np.array([[3.4, 0.0], [1.0, 0.0], [2.0, 0.0], [3.5, 0.0], [5.5, 0.0]])
    penalty = 2 + 0 + 0 + 3 + 0
    assert trustworthiness(rows, points, neighbours=1) == pytest.approx(1 - penalty * 2 / (5 * 1 * (10 - 3 - 1)))


@pytest.mark.parametrize("neighbours", [1, NEIGHBOURS, 12])
def test_trustworthiness_agrees_with_scikit_learn_in_several_blocks(neighbours):
    rows = random_rows(BLOCK + 200, 9)
    for points in (rows[:, :2], np.random.default_rng(1).normal(size=(len(rows), 2))):
        expected = manifold.trustworthiness(rows, points, n_neighbors=neighbours)
        assert trustworthiness(rows, points, neighbours) == pytest.approx(expected)


def test_trustworthiness_counts_five_neighbours_by_default():
    rows = random_rows(60, 4)
    expected = manifold.trustworthiness(rows, rows[:, :2], n_neighbors=5)
    assert trustworthiness(rows, rows[:, :2]) == pytest.approx(expected)


def test_projection_equal_to_its_data_is_fully_trustworthy():
    rows = random_rows(60, 2)
    assert trustworthiness(rows, rows) == 1.0


def test_trustworthiness_never_has_all_distances_in_memory():
    rows = random_rows(4000, 3)
    tracemalloc.start()
    trustworthiness(rows, rows[:, :2])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < len(rows) ** 2 * rows.itemsize / 2
