"""The folds of a cross-validation, as every file stores them.

The images of the first fold are stored as train, val and test. REST has the images that only other folds use. For each
other fold there is a row with the subset of every image, in the order train, val, test, REST of the first fold. Images
without labels are the same in every fold, and have no place in these rows.
"""

from collections.abc import Mapping

import numpy as np

from eurosat_transfer.data.subsets import SUBSETS, UNLABELLED

REST = "rest"
NO_FOLDS = np.empty((0, 0), "U5")  # the other folds of a single split


def divide(values: Mapping[str, np.ndarray], fold: np.ndarray) -> dict[str, np.ndarray]:
    """Divide values of all selected images by the subsets of one fold.

    Args:
        values: (n, ...) by subset of the first fold, with REST if there is any, in this order.
        fold: str, (n of all subsets,): train, val, test, or "" for images that the fold does not use.

    Returns:
        Copies of the values by subset: train, val and test.
    """
    everything = np.concatenate([of for subset, of in values.items() if subset != UNLABELLED])
    return {subset: everything[fold == subset] for subset in SUBSETS}
