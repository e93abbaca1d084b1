"""A warning about features whose scale hides the other features."""

import sys

import numpy as np

MAX_RATIO = 100.0  # of a column's largest absolute value to the median of all columns
NAMED = 3  # columns that a message names


def find_large_columns(X: np.ndarray) -> np.ndarray:
    """Find columns whose values are more than 100 times as large as those of most columns.

    Args:
        X: numbers, (n, d), n of 1 or more.

    Returns:
        int64, (m,): positions of the columns, by decreasing size. Columns of zeros are not counted among the others.
    """
    largest = np.abs(X.astype(np.float64)).max(axis=0)
    used = largest[largest > 0]
    if not len(used):
        return np.array([], int)
    order = np.argsort(-largest, kind="stable")
    return order[largest[order] > MAX_RATIO * np.median(used)]


def warn_about_large_columns(stage: str, X: np.ndarray) -> None:
    """Print a warning if a few columns hide all others from a classifier.

    Args:
        stage: name of the classifier.
        X: numbers, (n, d), n of 1 or more: the training rows.
    """
    columns = find_large_columns(X)
    if not len(columns):
        return
    named = ", ".join(map(str, columns[:NAMED])) + (", ..." if len(columns) > NAMED else "")
    print(
        f"warning: {stage}: {len(columns)} of {X.shape[1]} features are over {MAX_RATIO:g} times as large as most\n"
        f"    others and hide them (columns from 0: {named}); scale the features",
        file=sys.stderr,
        flush=True,
    )
