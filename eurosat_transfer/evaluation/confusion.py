"""The confusion of the classes, from a file of predictions."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.metrics import confusion_matrix


def count_confusion(predictions: Sequence[Mapping[str, Any]], classes: Sequence[str]) -> np.ndarray:
    """Count how often each class was predicted for each class.

    Args:
        predictions: rows with actual and predicted, names of classes.
        classes: names by label.

    Returns:
        int64, (classes, classes): a row for each actual class, a column for each predicted class.
    """
    actual, predicted = ([row[column] for row in predictions] for column in ("actual", "predicted"))
    return confusion_matrix(actual, predicted, labels=classes)
