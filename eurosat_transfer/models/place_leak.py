"""How much a random split overstates the accuracy, because places have images on both of its sides."""

from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from eurosat_transfer.data.grouped_split import divide_by_place
from eurosat_transfer.data.split import stratified_order
from eurosat_transfer.models.svm import fit_svm

DRAWS = 10  # of each kind of split
KERNEL, C = "rbf", 10.0  # of the SVM. They are fixed: two kinds of splits are compared, not machines


def measure_leak(X: np.ndarray, y: np.ndarray, places: np.ndarray) -> dict[str, Any]:
    """Fit an SVM on one half of the images and test it on the other: halved at random, and halved by place.

    Both kinds of splits are drawn several times, and have the same number of training images and of test images.

    Args:
        X: numbers, (n, d): features.
        y: int64, (n,): labels.
        places: int64, (n,): images with the same number are of one place.

    Returns:
        images, places and draws: their numbers; train and test: images per split; random and grouped: mean and sd of
        the test accuracy over the draws; difference: random minus grouped, with its mean and sd over the pairs of
        draws. An empty dictionary if there are fewer than two places, or if a half has one class only.
    """
    if len(np.unique(places)) < 2:
        return {}
    found: dict[str, list[float]] = {"random": [], "grouped": []}
    halves = [divide_by_place(y, places, 2, draw) for draw in range(DRAWS)]
    train, test = (min(len(pair[half]) for pair in halves) for half in (0, 1))
    with threadpool_limits(1):
        for draw, by_place in enumerate(tqdm(halves, desc="groups", unit="draw", mininterval=1, disable=None)):
            rng = np.random.default_rng(draw)
            order = stratified_order(y, rng)
            inside, outside = (half[stratified_order(y[half], rng)] for half in by_place)
            for kind, fitted, tested in (
                ("random", order[:train], order[-test:]),
                ("grouped", inside[:train], outside[:test]),
            ):
                if len(np.unique(y[fitted])) < 2:
                    return {}
                machine = fit_svm(X[fitted], y[fitted], KERNEL, C)
                found[kind].append(machine.score(X[tested], y[tested]))
    sizes = {"images": len(y), "places": len(np.unique(places)), "draws": DRAWS, "train": train, "test": test}
    accuracies = {kind: np.array(of) for kind, of in found.items()}
    accuracies["difference"] = accuracies["random"] - accuracies["grouped"]
    return sizes | {kind: _summarise(of) for kind, of in accuracies.items()}


def _summarise(values: np.ndarray) -> dict[str, float]:
    return {"mean": float(values.mean()), "sd": float(values.std(ddof=1))}
