"""The label curve of tiles that are chosen to be labelled, beside that of tiles that are drawn at random."""

from collections.abc import Sequence

import numpy as np
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from eurosat_transfer.evaluation.label_curve import Fit
from eurosat_transfer.features.feature_set import FeatureSet
from eurosat_transfer.models.label_suggestion import NO_LABEL, fit_beliefs, suggest_labels
from eurosat_transfer.models.svm import fit_svm
from eurosat_transfer.parameters.labels import Labels

CHOSEN, DRAWN = "chosen", "drawn"
KERNEL, C = "rbf", 10.0  # of the SVM. They are fixed: the curves compare choices of labels, not machines
MAX_LABELS = 640  # with more labels, the choice hardly matters, and it takes long


def fit_chosen_labels(features: FeatureSet, labels: Labels) -> list[Fit]:
    """Fit an SVM on chosen and on drawn tiles of train, as if nobody had labelled the others.

    Args:
        features: the features of train and test.
        labels: the parameters of the labels stage. Here, sizes are multiplied by the number of classes, because who
            draws or chooses a tile does not know its class.

    Returns:
        The fits, sorted by CHOSEN and DRAWN, number of images and draw. There is one choice, and it has draw 0. Sizes
        above half of train or above MAX_LABELS are left out.
    """
    (X, y), (unseen, actual) = features.select("train"), features.select("test")
    largest = min(len(y) // 2, MAX_LABELS)
    sizes = [size for size in sorted({size * len(features.classes) for size in labels.sizes}) if size <= largest]
    bought = buy_labels(X, y, sizes)
    orders = [np.random.default_rng(draw).permutation(len(y)) for draw in range(labels.draws)]
    rows = [(CHOSEN, 0, of) for of in bought] + [(DRAWN, d, of[:size]) for size in sizes for d, of in enumerate(orders)]
    fits = []
    with threadpool_limits(1):
        for name, draw, of in tqdm(rows, desc="chosen", unit="subset", mininterval=1, disable=None):
            correct = _fit_and_predict(X[of], y[of], unseen) == actual
            fits.append(Fit(name, len(of), draw, float(correct.mean()), correct))
    return sorted(fits, key=lambda fit: (fit.classifier, fit.images, fit.draw))


def buy_labels(X: np.ndarray, y: np.ndarray, sizes: Sequence[int]) -> list[np.ndarray]:
    """Buy labels in rounds: in each round, choose tiles by what the labels of the earlier rounds say.

    Args:
        X: numbers, (n, d).
        y: int, (n,): the labels, which are hidden until they are bought.
        sizes: numbers of labels after each round, in increasing order.

    Returns:
        int64, (size,), for each size: the rows whose labels are bought, in the order of the choice.
    """
    bought = np.empty(0, np.int64)
    rounds = []
    for size in sizes:
        known = np.full(len(y), NO_LABEL)
        known[bought] = np.unique(y[bought], return_inverse=True)[1]  # nobody knows the classes that are not found yet
        chosen = suggest_labels(X, known, size - len(bought), fit_beliefs(X, known))
        bought = np.concatenate([bought, [suggestion.row for suggestion in chosen]]).astype(np.int64)
        rounds.append(bought)
    return rounds


def _fit_and_predict(X: np.ndarray, y: np.ndarray, unseen: np.ndarray) -> np.ndarray:
    if len(np.unique(y)) == 1:  # nothing to tell apart
        return np.full(len(unseen), y[0])
    return fit_svm(X, y, KERNEL, C).predict(unseen)
