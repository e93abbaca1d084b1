"""Sums of products are exact, so that every processor gives the same bits."""

import json
import sys

import numpy as np
import pytest
from conftest import REPOSITORY, run

from eurosat_transfer.exact import grid_step, round_to_grid, squared_distances


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


COMPUTE = """
import hashlib, json
import numpy as np
from threadpoolctl import threadpool_info
from eurosat_transfer.exact import grid_step, round_to_grid, squared_distances
def digest(array):
    return hashlib.sha256(array.tobytes()).hexdigest()
X = np.random.default_rng(0).normal(size=(600, 300))
rows = round_to_grid(X, grid_step(X))
result = {"exact": digest(squared_distances(rows, rows)), "rounded": digest(squared_distances(X, X))}
"""
FIT = """
from eurosat_transfer.models.svm import fit_svm
fitted = fit_svm(X.astype(np.float32), np.random.default_rng(1).integers(0, 3, 600), "rbf", 10)
result["svm"] = digest(fitted.weights) + digest(fitted.intercepts)
"""
REPORT = """
result["architectures"] = sorted({i["architecture"] for i in threadpool_info() if "architecture" in i})
print(json.dumps(result))
"""
PROCESSORS = (("Haswell", "2"), ("Prescott", "1"), ("Nehalem", "3"))  # of OpenBLAS, and the number of threads


def compute_as(processor: str, threads: str, program: str) -> dict:
    """Run a program with the routines that OpenBLAS has for a processor."""
    variables = {"OPENBLAS_CORETYPE": processor, "OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads}
    result = run(sys.executable, "-c", program, cwd=REPOSITORY, **variables)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def whole_numbers(rows: np.ndarray, step: float) -> list[list[int]]:
    return [[int(value / step) for value in row] for row in rows.tolist()]


@pytest.mark.parametrize("columns", [1, 2, 3, 128, 500, 1280, 3072])
def test_distances_equal_those_of_python_integers(columns, rng):
    """Python's integers never round. The first rows have the largest possible distances, and use all their bits."""
    large = rng.uniform(7, 8, (2, columns))
    X = np.concatenate([large, -large[::-1], rng.normal(size=(2, columns))])
    step = grid_step(X)
    rows = round_to_grid(X, step)
    integers = whole_numbers(rows, step)
    for i, row in enumerate(squared_distances(rows, rows).tolist()):
        for j, squared in enumerate(row):
            assert squared / step**2 == sum((a - b) ** 2 for a, b in zip(integers[i], integers[j], strict=True))


@pytest.mark.parametrize(("columns", "bits"), [(1, 25), (512, 21), (513, 20), (4096, 19)])
def test_grid_step_is_the_documented_power_of_two(columns, bits):
    assert grid_step(np.full((2, columns), 1.0)) == 2.0**-bits
    for largest in (100.0, -100.0):
        X = np.concatenate([np.full((1, columns), largest), np.full((1, columns), -largest / 100)])
        assert grid_step(X) == 128 * 2.0**-bits  # 128 is the next power of two
    assert grid_step(np.zeros((2, columns))) == 2.0**-bits


def test_values_are_rounded_to_the_nearest_multiple_of_the_step():
    rounded = round_to_grid(np.array([[0.2, 0.3, -0.3, 0.25, 1.0]], np.float32), 0.5)
    assert rounded.tolist() == [[0.0, 0.5, -0.5, 0.0, 1.0]]
    assert rounded.dtype == np.float64


def test_rounding_is_small_for_features_and_absent_for_pixels(rng):
    X = rng.normal(size=(50, 1280)).astype(np.float32)
    assert np.abs(round_to_grid(X, grid_step(X)) - X).max() < 2e-6 * np.abs(X).max()
    pixels = rng.integers(0, 256, (50, 3072)).astype(np.uint8)
    assert np.array_equal(round_to_grid(pixels, grid_step(pixels)), pixels)


def test_the_order_of_the_additions_does_not_change_the_distances(rng):
    """Without the grid it does, which shows that the orders really differ."""
    X = rng.normal(size=(80, 300))
    rows = round_to_grid(X, grid_step(X))
    order = rng.permutation(300)
    blocks = np.array_split(order[::-1], 7)
    for values, is_exact in ((rows, True), (X, False)):
        distances = squared_distances(values, values)
        permuted = squared_distances(values[:, order], values[:, order])
        by_blocks = sum(squared_distances(values[:, block], values[:, block]) for block in blocks)
        assert np.array_equal(permuted, distances) == is_exact
        assert np.array_equal(by_blocks, distances) == is_exact
        np.testing.assert_allclose(permuted, distances, atol=1e-9)
        np.testing.assert_allclose(by_blocks, distances, atol=1e-9)


@pytest.mark.parametrize("program", [COMPUTE, pytest.param(COMPUTE + FIT, marks=pytest.mark.slow)], ids=["rows", "svm"])
def test_other_processors_and_numbers_of_cores_give_the_same_bits(program):
    results = [compute_as(*processor, program + REPORT) for processor in PROCESSORS]
    if len({tuple(result.pop("architectures")) for result in results}) < len(PROCESSORS):
        pytest.skip("the BLAS of this NumPy does not let us choose the routines of another processor")
    assert len({result.pop("rounded") for result in results}) > 1  # without the grid, the processors differ
    assert all(result == results[0] for result in results)
