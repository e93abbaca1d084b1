"""How much a random split overstates the accuracy, because places have images on both of its sides."""

from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from eurosat_transfer.data.grouped_split import divide_by_place
from eurosat_transfer.data.parts import parts_by_class
from eurosat_transfer.data.split import stratified_order
from eurosat_transfer.models.equal_rows import number_equal_rows
from eurosat_transfer.models.svm import fit_svm

DRAWS = 10  # of each kind of split
MOST_IMAGES = 2000  # in a half: more of them would take long, and show the same
KERNEL, C = "rbf", 10.0  # of the SVM. They are fixed: two kinds of splits are compared, not machines


def measure_leak(X: np.ndarray, y: np.ndarray, places: np.ndarray) -> dict[str, Any]:
    """Fit an SVM on one half of the images and test it on the other: halved at random, and halved by place.

    Both kinds of splits are drawn several times, and have the same number of training images and of test images. Copies
    of an image are in one half in both. A half by place can have other shares of the classes than a random half: that
    is a part of the difference, as it is for new places.

    Args:
        X: numbers, (n, d): features.
        y: int64, (n,): labels.
        places: int64, (n,): images with the same number are of one place.

    Returns:
        images, places and draws: their numbers; train and test: images per split, MOST_IMAGES at most; random and
        grouped: mean and sd of the test accuracy over the draws; difference: random minus grouped, with its mean and sd
        over the pairs of draws. Only images and places if there are fewer than two places, or if a training half has
        one class only.
    """
    counted = {"images": len(y), "places": len(np.unique(places))}
    if counted["places"] < 2:
        return counted
    copies = number_equal_rows(X)
    halves = {
        "random": [parts_by_class(y, copies, 2, np.random.default_rng(draw)) for draw in range(DRAWS)],
        "grouped": [divide_by_place(y, places, 2, draw) for draw in range(DRAWS)],
    }
    pairs = [pair for of_kind in halves.values() for pair in of_kind]
    train, test = (min(MOST_IMAGES, *(len(pair[half]) for pair in pairs)) for half in (0, 1))
    found: dict[str, np.ndarray] = {}
    with threadpool_limits(1), tqdm(desc="groups", total=2 * DRAWS, unit="fit", mininterval=1, disable=None) as bar:
        for kind, of_kind in halves.items():
            accuracies = []
            for draw, pair in enumerate(of_kind):
                rng = np.random.default_rng(draw)
                fitted, tested = (half[stratified_order(y[half], rng)] for half in pair)
                fitted, tested = fitted[:train], tested[:test]
                if len(np.unique(y[fitted])) < 2:
                    return counted
                accuracies.append(fit_svm(X[fitted], y[fitted], KERNEL, C).score(X[tested], y[tested]))
                bar.update()
            found[kind] = np.array(accuracies)
    found["difference"] = found["random"] - found["grouped"]
    sizes = counted | {"draws": DRAWS, "train": train, "test": test}
    return sizes | {kind: _summarise(values) for kind, values in found.items()}


def _summarise(values: np.ndarray) -> dict[str, float]:
    return {"mean": float(values.mean()), "sd": float(values.std(ddof=1))}
