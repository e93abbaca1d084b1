"""Label curves: classifiers on nested subsets of the training features, tested on the same images."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from eurosat_transfer.data.label_subsets import nested_label_subsets
from eurosat_transfer.evaluation.label_curve import Fit
from eurosat_transfer.features.feature_set import FeatureSet
from eurosat_transfer.models.logistic_regression import choose_logistic_penalty, fit_logistic_regression
from eurosat_transfer.models.spread import fit_layer, prepare_nodes, select_unlabelled
from eurosat_transfer.models.svm import choose_svm_penalty, fit_svm
from eurosat_transfer.parameters.labels import Labels
from eurosat_transfer.parameters.probe import Probe
from eurosat_transfer.parameters.spread import Spread
from eurosat_transfer.parameters.svm import Svm

# positions of labelled images in train -> predicted labels of the test images
FitAndPredict = Callable[[np.ndarray], np.ndarray]


class CurveParameters(NamedTuple):
    """The parameters that label curves depend on.

    Attributes:
        labels: the sizes of the subsets, and the number of draws for each size.
        svm: of the stage svm.
        probe: of the stage probe. With the solver sgd, the probe has no curve: 20 draws of SGD would take too long, and
            another solver would give the probe two accuracies for the same images.
        spread: of the stage spread.
        unlabelled: split.unlabelled: which images spread uses without labels.
    """

    labels: Labels
    svm: Svm
    probe: Probe
    spread: Spread
    unlabelled: str


def _svm(features: FeatureSet, params: Svm, rows: np.ndarray) -> np.ndarray:
    X, y = features.with_train_rows(rows).select("train")
    C = choose_svm_penalty(X, y, params.kernel) if params.C == "auto" else params.C
    return fit_svm(X, y, params.kernel, C).predict(features.X["test"])


def _probe(features: FeatureSet, params: Probe, rows: np.ndarray) -> np.ndarray:
    X, y = features.with_train_rows(rows).select("train")
    C = choose_logistic_penalty(X, y) if params.C == "auto" else params.C
    return fit_logistic_regression(X, y, C)[0].predict(features.X["test"])


def _spread(features: FeatureSet, params: Spread, unlabelled: str) -> FitAndPredict:
    """Prepare the fits of spread. The training images outside a subset are without labels, like the unlabelled ones."""
    X, y = features.select("train")
    others = select_unlabelled(features, unlabelled)
    all_nodes = None if unlabelled == "none" else prepare_nodes(np.concatenate([X, others]), params)

    def fit_and_predict(rows: np.ndarray) -> np.ndarray:
        if all_nodes is None:
            layer = fit_layer(prepare_nodes(X[rows], params), np.arange(len(rows)), y[rows], params.alpha)
        else:
            layer = fit_layer(all_nodes, rows, y[rows], params.alpha)
        return layer.predict(features.X["test"])

    return fit_and_predict


def fit_label_curve(features: FeatureSet, params: CurveParameters) -> list[Fit]:
    """Fit SVM, probe and spread on each random subset of the training images, and once on all of them.

    A penalty C that is auto is chosen for each subset, by cross-validation on its own labels. So the labels of a subset
    are all that a fit has seen.

    Args:
        features: the features of train and test, and perhaps UNLABELLED.
        params: of the curves.

    Returns:
        The fits, sorted by classifier, number of images and draw.
    """
    classifiers: dict[str, FitAndPredict] = {"svm": partial(_svm, features, params.svm)}
    if params.probe.solver == "lbfgs":
        classifiers["probe"] = partial(_probe, features, params.probe)
    labels, y, actual = params.labels, features.y["train"], features.y["test"]
    draws = [nested_label_subsets(y, labels.sizes, draw) for draw in range(labels.draws)]
    if len(draws[0]) == 0 or len(draws[0][-1]) < len(y):
        draws[0].append(np.arange(len(y)))  # only in the first draw, because it is the same in all of them
    fits = []
    with (
        threadpool_limits(1),  # the matrices are small: waiting for each other, threads would take longer than one
        tqdm(total=sum(map(len, draws)), desc="labels", unit="subset", mininterval=1, disable=None) as bar,
    ):
        classifiers["spread"] = _spread(features, params.spread, params.unlabelled)
        for draw, subsets in enumerate(draws):
            for rows in subsets:
                for name, fit_and_predict in classifiers.items():
                    correct = fit_and_predict(rows) == actual
                    fits.append(Fit(name, len(rows), draw, float(correct.mean()), correct))
                bar.update()
    return sorted(fits, key=lambda fit: (fit.classifier, fit.images, fit.draw))
