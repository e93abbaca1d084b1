import subprocess
import sys

import numpy as np
import pytest
from conftest import REPOSITORY, environment

from stages.common.exact import on_grid, squared_distances, step_of

RNG = np.random.default_rng(0)

FIT = """
import hashlib, sys, numpy as np
from stages.common.exact import on_grid, squared_distances, step_of
from stages.common.svc import fit_svm
rng = np.random.default_rng(0)
X, y = rng.normal(size=(600, 300)).astype(np.float32), rng.integers(0, 3, 600)
rows = on_grid(X, step_of(X))
fitted = fit_svm(X, y, "rbf", 10)
for array in (squared_distances(rows, rows), fitted.weights, fitted.intercepts):
    print(hashlib.sha256(array.tobytes()).hexdigest())
"""


@pytest.mark.parametrize("columns", [1, 2, 128, 1280, 3072])
def test_distances_are_those_of_whole_numbers(columns):
    """Python's integers have no rounding; the rows are the worst there are: opposite, as large as can be."""
    X = np.concatenate([np.full((1, columns), -7.3), np.full((1, columns), 7.3), RNG.normal(size=(3, columns))])
    step = step_of(X)
    rows = on_grid(X, step)
    whole = [[int(value / step) for value in row] for row in rows.tolist()]
    for i, row in enumerate(squared_distances(rows, rows).tolist()):
        for j, squared in enumerate(row):
            assert squared / step**2 == sum((a - b) ** 2 for a, b in zip(whole[i], whole[j], strict=True))


def test_rounding_is_far_below_the_values():
    X = RNG.normal(size=(50, 1280)).astype(np.float32)
    assert np.abs(on_grid(X, step_of(X)) - X).max() < 2e-6 * np.abs(X).max()
    pixels = RNG.integers(0, 256, (50, 3072)).astype(np.uint8)
    assert np.array_equal(on_grid(pixels, step_of(pixels)), pixels)


def test_another_processor_and_one_core_give_the_same_bits():
    said = set()
    for kernels, threads in (("Haswell", "2"), ("Prescott", "1"), ("Nehalem", "3")):
        variables = {"OPENBLAS_CORETYPE": kernels, "OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads}
        command = [sys.executable, "-c", FIT]
        said.add(subprocess.check_output(command, cwd=REPOSITORY, env=environment(**variables), text=True))
    assert len(said) == 1
