"""The division of images into parts and subsets that share no place."""

import warnings

import numpy as np

MOST_PARTS = 10  # smaller parts would have few classes, and take long to find


def divide_by_place(labels: np.ndarray, places: np.ndarray, count: int, seed: int) -> list[np.ndarray]:
    """Divide images into parts, so that each place is in one part, and every part has about the same classes.

    Args:
        labels: int64, (n,).
        places: int64, (n,): images with the same number are of one place.
        count: of the parts, from 2 to the number of places.
        seed: of the order in which places are dealt out.

    Returns:
        int64, sorted positions: one array per part.

    Source:
        https://scikit-learn.org/stable/modules/cross_validation.html#stratifiedgroupkfold
    """
    from sklearn.model_selection import StratifiedGroupKFold  # takes a second, and most splits know no places

    divider = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of small classes: the split says which class it lacks
        return [part for _, part in divider.split(labels, labels, places)]


def choose_val_places(labels: np.ndarray, places: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Choose the places that val is taken from: about as many as are needed.

    Args:
        labels: int64, (n,).
        places: int64, (n,): images with the same number are of one place.
        count: the number of images that val needs.
        seed: of the order in which places are dealt out.

    Returns:
        int64, sorted positions of the images of these places. They are too few if no half of the places is enough.
    """
    different = len(np.unique(places))
    if different < 2:
        return np.array([], np.int64)
    for parts in range(max(min(MOST_PARTS, len(labels) // count, different), 2), 1, -1):
        part = divide_by_place(labels, places, parts, seed)[-1]
        if len(part) >= count:
            break
    return part
