"""The confusion of the classes, from a file of predictions."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def count_confusion(predictions: Sequence[Mapping[str, Any]], classes: Sequence[str]) -> np.ndarray:
    """Count how often each class was predicted for each class.

    Args:
        predictions: rows with actual and predicted, names of classes.
        classes: names by label.

    Returns:
        int64, (classes, classes): a row for each actual class, a column for each predicted class.
    """
    label_of = {name: label for label, name in enumerate(classes)}
    counts = np.zeros((len(classes), len(classes)), np.int64)
    for row in predictions:
        counts[label_of[row["actual"]], label_of[row["predicted"]]] += 1
    return counts
