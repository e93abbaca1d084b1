"""The graph of nearest neighbours, and the labels that spread over it."""

import numpy as np
import pytest
from scipy.sparse.csgraph import connected_components
from sklearn.semi_supervised import LabelSpreading

from eurosat_transfer.models.label_spreading import build_graph, spread_labels

X = np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32)


def distances(rows):
    return np.linalg.norm(rows[:, None] - rows, axis=2)


def test_rows_are_connected_if_one_is_among_the_nearest_neighbours_of_the_other():
    graph = build_graph(X, 4).toarray()
    nearest = np.argsort(distances(X), axis=1)[:, 1:5]
    expected = np.zeros((60, 60), bool)
    np.put_along_axis(expected, nearest, True, axis=1)
    assert np.array_equal(graph > 0, expected | expected.T)


def test_the_graph_is_symmetric_and_scaled_by_its_numbers_of_edges():
    graph = build_graph(X, 4).toarray()
    edges = (graph > 0).sum(axis=1)
    assert np.array_equal(graph, graph.T)
    np.testing.assert_allclose(graph[graph > 0], 1 / np.sqrt(np.outer(edges, edges))[graph > 0])


def test_few_rows_are_all_neighbours():
    assert (build_graph(X[:3], 14).toarray() > 0).sum() == 6


def test_equal_rows_are_neighbours_and_no_row_is_its_own():
    graph = build_graph(np.repeat(X[:20], 3, axis=0), 2).toarray()
    assert (np.diag(graph) == 0).all()
    assert all(graph[i, j] > 0 for i in range(60) for j in range(i // 3 * 3, i // 3 * 3 + 3) if i != j)


def start_at(*nodes):
    start = np.zeros((60, len(nodes)))
    start[nodes, range(len(nodes))] = 1
    return start


@pytest.mark.parametrize("alpha", [0.0, 0.5, 0.99])
def test_the_solution_is_exact(alpha):
    graph, start = build_graph(X, 4), start_at(3, 17, 40)
    expected = np.linalg.solve(np.eye(60) - alpha * graph.toarray(), (1 - alpha) * start)
    np.testing.assert_allclose(spread_labels(graph, start, alpha), expected, atol=1e-11)


def test_label_spreading_of_scikit_learn_predicts_the_same_on_this_graph():
    edges = build_graph(X, 4) > 0
    y = np.full(60, -1)
    y[[3, 17, 40]] = [0, 1, 2]
    theirs = LabelSpreading(kernel=lambda *_: edges.astype(float), alpha=0.9, max_iter=2000, tol=1e-12).fit(X, y)
    ours = spread_labels(build_graph(X, 4), start_at(3, 17, 40), 0.9)
    assert np.array_equal(theirs.transduction_, ours.argmax(axis=1))
    np.testing.assert_allclose(theirs.label_distributions_, ours / ours.sum(axis=1, keepdims=True), atol=1e-8)


def test_no_label_reaches_an_island():
    islands = np.concatenate([X[:30], X[30:] + 100])
    graph = build_graph(islands, 4)
    count, island = connected_components(graph)
    assert count >= 2
    spread = spread_labels(graph, start_at(3, 17, 40), 0.9)
    assert np.array_equal(spread > 0, island[:, None] == island[[3, 17, 40]])
