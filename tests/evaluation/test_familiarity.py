"""The distance that says which images do not look like the training images."""

import numpy as np
import pytest
from sklearn.covariance import ledoit_wolf
from threadpoolctl import threadpool_limits

from eurosat_transfer.errors import UserError
from eurosat_transfer.evaluation.familiarity import LIMIT, fit_familiarity, fit_gaussian


def images(rng: np.random.Generator, n: int, width: int = 30) -> tuple[np.ndarray, np.ndarray]:
    """Draw features whose columns are correlated and of different size, and colour statistics."""
    mixing = np.random.default_rng(7).normal(size=(width, width)) * np.geomspace(0.01, 10, width)
    return (rng.normal(size=(n, width)) @ mixing + 3).astype(np.float32), rng.normal(4, 0.3, (n, 6)).astype(np.float32)


def test_distance_is_that_of_a_shrunk_covariance():
    X, _ = images(np.random.default_rng(0), 100)
    gaussian, _ = fit_gaussian(X)
    covariance, _ = ledoit_wolf(X.astype(float))
    away = X - X.mean(axis=0, dtype=float)
    expected = np.sqrt(np.einsum("ij,jk,ik->i", away, np.linalg.inv(covariance), away))
    assert gaussian.distance(X) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("width", [5, 90])
def test_own_distance_is_that_of_a_fit_without_the_row(width):
    """The fit by hand leaves each row out, and keeps shrinkage and target. 90 columns are more than there are rows."""
    X = images(np.random.default_rng(1), 40, width)[0].astype(float)
    _, distances = fit_gaussian(X)
    covariance, shrinkage = ledoit_wolf(X)
    target = np.trace(covariance) / width * np.eye(width)
    for row in range(len(X)):
        others = np.delete(X, row, axis=0)
        without = (1 - shrinkage) * np.cov(others.T, bias=True) + shrinkage * target
        away = X[row] - others.mean(axis=0)
        assert distances[row] == pytest.approx(np.sqrt(away @ np.linalg.solve(without, away)), rel=1e-6)


@pytest.mark.parametrize("width", [10, 150])
def test_five_percent_of_new_images_of_the_same_kind_are_unfamiliar(width):
    """With more columns than rows, the distances of the fitted rows themselves would be far too small."""
    shares = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        familiarity = fit_familiarity(*images(rng, 200, width))
        shares.append((familiarity.distance(*images(rng, 500, width)) > LIMIT).mean())
    assert 0.03 < np.mean(shares) < 0.07


def test_images_that_differ_in_features_or_colours_only_are_unfamiliar():
    rng = np.random.default_rng(2)
    familiarity = fit_familiarity(*images(rng, 300))
    X, colours = images(rng, 100)
    assert (familiarity.distance(X + rng.normal(0, 5, X.shape), colours) > LIMIT).all()
    assert (familiarity.distance(X, colours + np.array([2, 0, 0, 0, 0, 0])) > LIMIT).all()


def test_distance_can_be_computed_in_single_precision():
    """The saved model computes it from the arrays, in float32."""
    rng = np.random.default_rng(3)
    familiarity = fit_familiarity(*images(rng, 200))
    rows = images(rng, 500)
    halves = [
        np.linalg.norm((X - part.mean) @ part.whitening, axis=1) for X, part in zip(rows, familiarity, strict=True)
    ]
    distance = np.maximum(*halves)
    assert {array.dtype for part in familiarity for array in part} == {distance.dtype} == {np.dtype(np.float32)}
    assert distance == pytest.approx(familiarity.distance(*rows), rel=1e-3)


def test_distances_are_the_same_on_any_number_of_cores():
    results = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            rows = images(np.random.default_rng(4), 300, 200)
            familiarity = fit_familiarity(*rows)
            results.append((familiarity.distance(*rows), *(array for part in familiarity for array in part)))
    for one, two in zip(*results, strict=True):
        assert one.tobytes() == two.tobytes()


def test_columns_without_variance_are_allowed():
    """A feature can be 0 for every training image, as after ReLU."""
    X, colours = images(np.random.default_rng(5), 50)
    X[:, 3] = 0
    familiarity = fit_familiarity(X, colours)
    X[0, 3] = 100
    distances = familiarity.distance(X, colours)
    assert np.isfinite(distances).all()
    assert distances[0] > LIMIT


def test_equal_images_have_the_distance_zero():
    familiarity = fit_familiarity(np.ones((20, 4)), np.ones((20, 6)))
    assert familiarity.distance(np.ones((1, 4)), np.ones((1, 6))).tolist() == [0]
    assert familiarity.distance(np.full((1, 4), 9.0), np.ones((1, 6)))[0] > LIMIT


def test_one_image_is_refused():
    with pytest.raises(UserError, match="a distance from 1 training image is not possible; allowed: 2 or more"):
        fit_familiarity(np.ones((1, 4)), np.ones((1, 6)))
