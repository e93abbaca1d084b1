import numpy as np
import pytest
from small_features import feature_set
from threadpoolctl import threadpool_limits

from eurosat_transfer.models import logistic_regression
from eurosat_transfer.models.logistic_regression import (
    PENALTIES,
    choose_logistic_penalty,
    convergence,
    fit_logistic_regression,
)


def hard_rows(count: int = 640, columns: int = 128, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draw rows of ten classes that overlap, in columns of different sizes that are far from 0."""
    rng = np.random.default_rng(seed)
    y = np.arange(count) % 10
    sizes = np.geomspace(3, 0.1, columns)
    return ((rng.normal(0, 1, (count, columns)) + np.eye(10, columns)[y] * 2) * sizes + 5).astype(np.float32), y


def test_gradient_is_zero_at_the_solution():
    """For weights W of scaled rows: C * sum of x (p - t) + W = 0, and the intercepts have no penalty."""
    X, y = hard_rows()
    layer, _ = fit_logistic_regression(X, y, C=10)
    rows = X.astype(float) - X.mean(axis=0, dtype=float)
    scale = np.sqrt((rows**2).sum(axis=1).mean())
    error = layer.probabilities(X, 10) - np.eye(10)[y]
    gradient = 10 * (rows / scale).T @ error + layer.weights * scale
    assert np.abs(gradient).max() < 1e-2  # the solver's tolerance, 1e-6, is of the mean loss: times C * n
    assert np.abs(10 * error.sum(axis=0)).max() < 1e-2


@pytest.mark.slow
@pytest.mark.parametrize("C", [10, 100])
def test_twice_the_iterations_change_the_test_accuracy_by_one_image_at_most(C):
    (X, y), (unseen, actual) = hard_rows(), hard_rows(seed=1)
    layer, iterations = fit_logistic_regression(X, y, C)
    longer, taken = fit_logistic_regression(X, y, C, tolerance=1e-15, max_iterations=2 * iterations)
    assert taken > 1.2 * iterations
    correct = [(each.scores(unseen).argmax(axis=1) == actual).sum() for each in (layer, longer)]
    assert abs(int(correct[0]) - int(correct[1])) <= 1


@pytest.mark.parametrize("factor", [1e-20, 0.01, 1e20])
def test_scale_of_the_features_changes_no_probability(factor):
    X, y = hard_rows(200, 20)
    scaled = X.astype(float) * factor
    expected, found = (fit_logistic_regression(rows, y, 30)[0].probabilities(rows, 10) for rows in (X, scaled))
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_equal_bits_on_any_number_of_threads():
    X, y = hard_rows(400, 300)
    layers = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            layer, iterations = fit_logistic_regression(X, y, choose_logistic_penalty(X, y))
            layers.append((layer.probabilities(X, 10).tobytes(), iterations))
    assert layers[0] == layers[1]


def test_two_classes_have_the_probabilities_of_scikit_learn():
    from sklearn.linear_model import LogisticRegression

    X, y = hard_rows(200, 20)
    X, y = X[y < 2], y[y < 2] + 3
    rows = X - X.mean(axis=0)
    scale = np.sqrt((rows**2).sum(axis=1).mean())
    theirs = LogisticRegression(C=30, tol=1e-6).fit(rows / scale, y).predict_proba(rows / scale)
    found = fit_logistic_regression(X, y, 30)[0].probabilities(X, 6)
    np.testing.assert_allclose(found[:, 3:5].sum(axis=1), 1 - 4 / 46)  # four classes have no training image
    np.testing.assert_allclose(found[:, 3:5] / found[:, 3:5].sum(axis=1, keepdims=True), theirs, atol=1e-3)


def test_penalty_is_chosen_by_the_loss_on_rows_that_were_held_out():
    """A weaker penalty always fits the training rows better, so that it would be chosen by their loss."""
    assert PENALTIES[0] < choose_logistic_penalty(*hard_rows()) < PENALTIES[-1]
    rng = np.random.default_rng(0)
    assert (
        choose_logistic_penalty(hard_rows()[0], rng.integers(0, 10, 640)) == PENALTIES[0]
    )  # there is nothing to learn


def test_penalty_with_copies_is_that_of_every_row_once():
    """Every row twice doubles the losses, as twice the C does, so the next candidate can be chosen."""
    X, y = hard_rows(200)
    once = PENALTIES.index(choose_logistic_penalty(X, y))
    assert PENALTIES.index(choose_logistic_penalty(np.tile(X, (2, 1)), np.tile(y, 2))) in (once - 1, once)


def test_penalty_of_one_image_per_class_is_not_chosen():
    X, y = hard_rows(10, 128)
    assert choose_logistic_penalty(X, y) == logistic_regression.WITHOUT_CHOICE


def test_penalty_can_be_chosen_with_a_rare_class():
    X, y = hard_rows(100)
    few = np.flatnonzero((y != 3) | (np.arange(100) == 3))
    assert choose_logistic_penalty(X[few], y[few]) in PENALTIES


def test_convergence_ends_with_the_solution():
    X, y = feature_set(noise=2).select("train")
    layer, iterations = fit_logistic_regression(X, y, 30)
    steps = list(convergence(X, y, 30, iterations))
    assert [count for count, _ in steps] == [1 << power for power in range(len(steps) - 1)] + [iterations]
    assert steps[-1][1].weights.tobytes() == layer.weights.tobytes()
    losses = [-np.log(each.probabilities(X, 3)[np.arange(60), y]).mean() for _, each in steps]
    assert losses[0] > losses[1] > losses[2] > losses[-1]
    assert losses[-1] == pytest.approx(losses[-2], rel=0.01)
