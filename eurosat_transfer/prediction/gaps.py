"""Colours for the pixels without data."""

import numpy as np
from scipy.ndimage import distance_transform_edt


def fill_gaps(image: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """Give each pixel without data the colour of the nearest pixel with data.

    Args:
        image: uint8, (height, width, 3).
        missing: bool, (height, width): the pixels without data, not all of them.
    """
    nearest = distance_transform_edt(missing, return_distances=False, return_indices=True)
    filled: np.ndarray = image[tuple(nearest)]
    return filled
