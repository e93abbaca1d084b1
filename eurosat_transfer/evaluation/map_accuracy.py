"""The accuracy of a map whose truth is known."""

from collections.abc import Sequence
from typing import Any

import numpy as np

NODATA = 255


def score_map(labels: np.ndarray, codes: np.ndarray, truth: np.ndarray, classes: Sequence[str]) -> dict[str, Any]:
    """Compare a map with the truth, pixel by pixel.

    Neighbouring pixels share their class, so an interval for independent images would be too narrow. There is none.

    Args:
        labels: uint8, (height, width): classes of the map. 255 is nodata.
        codes: uint8, (height, width): 0 where the map is sure.
        truth: uint8, (height, width): true classes. 255 is nodata.
        classes: names by label.

    Returns:
        pixels that have a class in both; accuracy, the share of them with the right class; sure, the share of them that
        the map is sure of; accuracy_where_sure; true_shares, the share of each class by its name. The shares are None
        without such pixels.
    """
    known = (labels != NODATA) & (truth != NODATA)
    correct, sure = labels[known] == truth[known], codes[known] == 0
    shares = np.bincount(truth[known], minlength=len(classes)) / known.sum() if known.any() else [None] * len(classes)
    return {
        "pixels": int(known.sum()),
        "accuracy": float(correct.mean()) if known.any() else None,
        "sure": float(sure.mean()) if known.any() else None,
        "accuracy_where_sure": float(correct[sure].mean()) if sure.any() else None,
        "true_shares": {
            name: None if share is None else float(share) for name, share in zip(classes, shares, strict=True)
        },
    }
