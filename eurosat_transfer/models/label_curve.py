"""Label curves: SVM and probe on nested subsets of the training features, tested on the same images."""

from collections.abc import Callable

import numpy as np
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from eurosat_transfer.data.label_subsets import nested_label_subsets
from eurosat_transfer.evaluation.label_curve import Fit
from eurosat_transfer.features.feature_set import FeatureSet
from eurosat_transfer.models.logistic_regression import choose_logistic_penalty, fit_logistic_regression
from eurosat_transfer.models.svm import choose_svm_penalty, fit_svm
from eurosat_transfer.parameters.labels import Labels
from eurosat_transfer.parameters.probe import Probe
from eurosat_transfer.parameters.svm import Svm

# X and y of the labelled images, and X of the test images -> predicted labels of the test images
FitAndPredict = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def _svm(params: Svm) -> FitAndPredict:
    def fit_and_predict(X: np.ndarray, y: np.ndarray, unseen: np.ndarray) -> np.ndarray:
        C = choose_svm_penalty(X, y, params.kernel) if params.C == "auto" else params.C
        return fit_svm(X, y, params.kernel, C).predict(unseen)

    return fit_and_predict


def _probe(params: Probe) -> FitAndPredict:
    def fit_and_predict(X: np.ndarray, y: np.ndarray, unseen: np.ndarray) -> np.ndarray:
        C = choose_logistic_penalty(X, y) if params.C == "auto" else params.C
        layer, _ = fit_logistic_regression(X, y, C)
        predicted: np.ndarray = layer.classes[layer.scores(unseen).argmax(axis=1)]
        return predicted

    return fit_and_predict


def fit_label_curve(features: FeatureSet, labels: Labels, svm: Svm, probe: Probe) -> list[Fit]:
    """Fit an SVM and a probe on each random subset of the training images, and once on all of them.

    A penalty C that is auto is chosen for each subset, by cross-validation on its own labels. So the labels of a subset
    are all that a fit has seen.

    Args:
        features: the features of train and test.
        labels: the parameters of the labels stage: the sizes of the subsets, and the number of draws for each size.
        svm: the parameters of the svm stage.
        probe: the parameters of the probe stage. With the solver sgd, the probe has no curve: 20 draws of SGD
            would take too long, and another solver would give the probe two accuracies for the same images.

    Returns:
        The fits, sorted by classifier, number of images and draw.
    """
    classifiers = {"svm": _svm(svm)}
    if probe.solver == "lbfgs":
        classifiers["probe"] = _probe(probe)
    (X, y), (unseen, actual) = features.select("train"), features.select("test")
    draws = [nested_label_subsets(y, labels.sizes, draw) for draw in range(labels.draws)]
    if len(draws[0]) == 0 or len(draws[0][-1]) < len(y):
        draws[0].append(np.arange(len(y)))  # only in the first draw, because it is the same in all of them
    fits = []
    with (
        threadpool_limits(1),  # the matrices are small: waiting for each other, threads would take longer than one
        tqdm(total=sum(map(len, draws)), desc="labels", unit="subset", mininterval=1, disable=None) as bar,
    ):
        for draw, subsets in enumerate(draws):
            for rows in subsets:
                for name, fit_and_predict in classifiers.items():
                    correct = fit_and_predict(X[rows], y[rows], unseen) == actual
                    fits.append(Fit(name, len(rows), draw, float(correct.mean()), correct))
                bar.update()
    return sorted(fits, key=lambda fit: (fit.classifier, fit.images, fit.draw))
