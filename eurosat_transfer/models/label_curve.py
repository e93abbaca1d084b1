"""The label curve of a classifier: its fits on nested subsets of the training features."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Literal

import numpy as np
from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from eurosat_transfer.data.label_subsets import nested_label_subsets
from eurosat_transfer.evaluation.label_curve import Fit
from eurosat_transfer.features.blocks import scale_blocks
from eurosat_transfer.features.feature_set import FeatureSet
from eurosat_transfer.models.logistic_regression import choose_logistic_penalty, fit_logistic_regression
from eurosat_transfer.models.spread import Nodes, fit_layer, prepare_nodes, select_unlabelled
from eurosat_transfer.models.svm import choose_svm_penalty, fit_svm
from eurosat_transfer.parameters.bands import Bands
from eurosat_transfer.parameters.labels import Labels
from eurosat_transfer.parameters.probe import Probe
from eurosat_transfer.parameters.spread import Spread
from eurosat_transfer.parameters.svm import Svm

# positions of labelled images in train -> predicted labels of the test images
FitAndPredict = Callable[[np.ndarray], np.ndarray]


def fit_svm_curve(features: FeatureSet, labels: Labels, params: Svm | Bands, name: str = "svm") -> list[Fit]:
    """Fit the support vector machine on each random subset of the training images, and once on all of them.

    A penalty C that is auto is chosen for each subset, by cross-validation on its own labels. So the labels of a subset
    are all that a fit has seen.

    Args:
        features: the features of train and test. Blocks are scaled for each subset.
        labels: the sizes of the subsets, and the number of draws for each size.
        params: of the stage svm or bands.
        name: of the classifier.

    Returns:
        The fits, sorted by number of images and draw. They are the same on any number of cores.
    """
    # Threads start at once. They run at the same time, because the solver and NumPy release Python's lock.
    return _fit_curve(name, features, labels, partial(_svm, features, params), "threads")


def fit_probe_curve(features: FeatureSet, labels: Labels, params: Probe) -> list[Fit]:
    """Fit the probe in the same way, see fit_svm_curve.

    Args:
        features: the features of train and test.
        labels: the sizes of the subsets, and the number of draws for each size.
        params: of the stage probe. With the solver sgd, the probe has no curve: 20 draws of SGD would take too long,
            and another solver would give the probe two accuracies for the same images.
    """
    if params.solver != "lbfgs":
        return []
    return _fit_curve("probe", features, labels, partial(_probe, features, params), "processes")


def fit_spread_curve(features: FeatureSet, labels: Labels, params: Spread, unlabelled: str) -> list[Fit]:
    """Fit spread in the same way, see fit_svm_curve.

    Args:
        features: the features of train and test, and perhaps UNLABELLED.
        labels: the sizes of the subsets, and the number of draws for each size.
        params: of the stage spread.
        unlabelled: split.unlabelled: which images spread uses without labels. Unless it is none, they include the
            training images outside a subset.
    """
    X = features.X["train"]
    with threadpool_limits(1):
        others = select_unlabelled(features, unlabelled)
        all_nodes = None if unlabelled == "none" else prepare_nodes(np.concatenate([X, others]), params)
    return _fit_curve("spread", features, labels, partial(_spread, features, params, all_nodes), "processes")


def _fit_curve(
    name: str,
    features: FeatureSet,
    labels: Labels,
    fit_and_predict: FitAndPredict,
    prefer: Literal["threads", "processes"],
) -> list[Fit]:
    """Fit a classifier on every subset, several draws at a time.

    Source:
        https://joblib.readthedocs.io/en/stable/parallel.html
    """
    y, actual = features.y["train"], features.y["test"]
    draws = [nested_label_subsets(y, labels.sizes, draw) for draw in range(labels.draws)]
    if len(draws[0]) == 0 or len(draws[0][-1]) < len(y):
        draws[0].append(np.arange(len(y)))  # only in the first draw, because it is the same in all of them
    predict = partial(_predict_subsets, fit_and_predict)
    tasks = (delayed(predict)(subsets) for subsets in draws)
    # The matrices are small: waiting for each other, threads of one product would take longer than one thread.
    with threadpool_limits(1), Parallel(n_jobs=-1, prefer=prefer, return_as="generator") as parallel:
        predictions = list(tqdm(parallel(tasks), desc=name, total=len(draws), unit="draw", mininterval=1, disable=None))
    fits = []
    for draw, (subsets, of_subsets) in enumerate(zip(draws, predictions, strict=True)):
        for rows, predicted in zip(subsets, of_subsets, strict=True):
            correct = predicted == actual
            fits.append(Fit(name, len(rows), draw, float(correct.mean()), correct))
    return sorted(fits, key=lambda fit: (fit.images, fit.draw))


def _predict_subsets(fit_and_predict: FitAndPredict, subsets: Iterable[np.ndarray]) -> list[np.ndarray]:
    with threadpool_limits(1):  # a process of its own has limits of its own
        return [fit_and_predict(rows) for rows in subsets]


def _svm(features: FeatureSet, params: Svm | Bands, rows: np.ndarray) -> np.ndarray:
    scaled = scale_blocks(features.with_train_rows(rows))
    X, y = scaled.select("train")
    C = choose_svm_penalty(X, y, params.kernel) if params.C == "auto" else params.C
    return fit_svm(X, y, params.kernel, C).predict(scaled.X["test"])


def _probe(features: FeatureSet, params: Probe, rows: np.ndarray) -> np.ndarray:
    X, y = features.with_train_rows(rows).select("train")
    C = choose_logistic_penalty(X, y) if params.C == "auto" else params.C
    return fit_logistic_regression(X, y, C)[0].predict(features.X["test"])


def _spread(features: FeatureSet, params: Spread, all_nodes: Nodes | None, rows: np.ndarray) -> np.ndarray:
    X, y = features.select("train")
    if all_nodes is None:
        layer = fit_layer(prepare_nodes(X[rows], params), np.arange(len(rows)), y[rows], params.alpha)
    else:
        layer = fit_layer(all_nodes, rows, y[rows], params.alpha)
    return layer.predict(features.X["test"])
