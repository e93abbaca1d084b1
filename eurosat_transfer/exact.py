"""Sums of products without rounding: the same bits on every processor, library and number of cores.

Values are rounded to a grid that is coarse enough for float64 to hold every sum of their products exactly, whatever
the order of the additions. The grid keeps 21 bits below the largest value for 512 columns, and 19 bits for 4,096
columns. That is far finer than the differences between features that matter.
"""

import numpy as np

FLOAT64_BITS = 53
RESERVED_BITS = 2  # a squared difference can be four times the square of the largest value


def grid_step(X: np.ndarray) -> float:
    """Find the step of a grid on which sums of products of these rows are exact.

    Args:
        X: finite numbers, (n, d), with n and d of 1 or more.

    Returns:
        A power of two.
    """
    largest = max(abs(float(X.min())), abs(float(X.max()))) or 1.0
    columns = int(np.ceil(np.log2(X.shape[1])))
    return float(2.0 ** (np.ceil(np.log2(largest)) - (FLOAT64_BITS - RESERVED_BITS - columns) // 2))


def round_to_grid(X: np.ndarray, step: float) -> np.ndarray:
    """Round values to the nearest multiples of a step.

    A value midway between two multiples is rounded to the even multiple.

    Args:
        X: numbers, (n, d).
        step: a power of two.

    Returns:
        float64, (n, d).
    """
    rows = np.multiply(X, 1 / step, dtype=np.float64)
    np.rint(rows, out=rows)
    rows *= step
    return rows


def round_significand(value: float) -> float:
    """Round a number to the 24 binary digits of a float32, but keep the range of a float64.

    Args:
        value: a finite number.
    """
    significand, exponent = np.frexp(value)
    return float(np.ldexp(np.float64(np.float32(significand)), exponent))


def squared_distances(X: np.ndarray, Z: np.ndarray) -> np.ndarray:
    """Compute the squared Euclidean distances between all rows of two matrices.

    Args:
        X: float64, (n, d), on a grid.
        Z: float64, (m, d), on the same grid.

    Returns:
        float64, (n, m), exact.
    """
    distances: np.ndarray = X @ Z.T
    distances *= -2
    distances += np.einsum("ij,ij->i", X, X)[:, None]
    distances += np.einsum("ij,ij->i", Z, Z)
    return distances
