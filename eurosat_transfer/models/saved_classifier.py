"""The classifier that the stage model saves: fitted as it was tested, or once more on all labels but test."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from eurosat_transfer.errors import UserError
from eurosat_transfer.features.feature_set import FeatureSet
from eurosat_transfer.models.cross_validation import Fold, stratified_folds
from eurosat_transfer.models.heads import FittedClassifier, Head, build_classifier_head
from eurosat_transfer.models.knn import fit_knn
from eurosat_transfer.models.probe import fit_probe
from eurosat_transfer.models.spread import fit_spread, select_unlabelled
from eurosat_transfer.models.svm import fit_calibrated_svm
from eurosat_transfer.networks.backbones import Preprocess
from eurosat_transfer.networks.onnx_network import OnnxNetwork
from eurosat_transfer.parameters.knn import Knn
from eurosat_transfer.parameters.loading import Parameters
from eurosat_transfer.parameters.probe import Probe
from eurosat_transfer.parameters.split import Split
from eurosat_transfer.parameters.spread import Spread
from eurosat_transfer.parameters.svm import Svm
from eurosat_transfer.tensorflow_setup import keras

Labelled = tuple[np.ndarray, np.ndarray]  # X, (n, d), and y, (n,)


class HeldOut(NamedTuple):
    """Predictions for images that the classifier was not fitted on.

    Attributes:
        probabilities: float, (n, classes).
        labels: int64, (n,).
    """

    probabilities: np.ndarray
    labels: np.ndarray


class SavedClassifier(NamedTuple):
    """A classifier, ready for the export.

    Attributes:
        network: preprocessed images, float32, (n, size, size, 3) -> features, float32, (n, d).
        preprocess: must be applied to images before the network is.
        head: features -> probabilities.
        test_turns: whether the probabilities are averaged over the eight views of an image.
        X: float32, (n, d): features of the images that it was fitted on.
        subsets: which subsets these images are, one after the other.
        held_out: predictions by cross-validation, if it was fitted on val too. None if it has never seen val.
    """

    network: keras.Model | OnnxNetwork
    preprocess: Preprocess
    head: Head
    test_turns: bool
    X: np.ndarray
    subsets: tuple[str, ...]
    held_out: HeldOut | None


def fit_on_features(
    name: str,
    features: FeatureSet,
    network: tuple[keras.Model | OnnxNetwork, Preprocess],
    parameters: Parameters,
    refit: bool,
) -> SavedClassifier:
    """Fit knn, svm, probe or spread.

    Args:
        name: of the classifier.
        features: of train, val and test.
        network: the network that computed the features, and what is applied to its images.
        parameters: of the classifiers.
        refit: False fits on train, as it was tested. True fits on train and val.

    Raises:
        UserError: the training by SGD diverges, or no class has two different images to cross-validate on.
    """
    classes = len(features.classes)
    fit = _fitters(features, classes, parameters)[name]
    subsets = ("train", "val") if refit else ("train",)
    X, y = features.select(*subsets)
    held_out = _cross_validate(lambda rows: fit((X[rows], y[rows])), X, y, classes) if refit else None
    return SavedClassifier(*network, build_classifier_head(fit((X, y)), classes), False, X, subsets, held_out)


def _fitters(
    features: FeatureSet, classes: int, parameters: Parameters
) -> dict[str, Callable[[Labelled], FittedClassifier]]:
    svm, knn, probe = parameters.section(Svm), parameters.section(Knn), parameters.section(Probe)
    val, unlabelled = features.select("val"), select_unlabelled(features, parameters.section(Split).unlabelled)
    return {
        "knn": lambda train: fit_knn(*train, knn.k),
        "svm": lambda train: fit_calibrated_svm(*train, svm.kernel, svm.C)[0],
        "probe": lambda train: fit_probe(train, val, classes, probe),
        "spread": lambda train: fit_spread(*train, unlabelled, parameters.section(Spread)),
    }


def _cross_validate(
    fit: Callable[[np.ndarray], FittedClassifier], X: np.ndarray, y: np.ndarray, classes: int
) -> HeldOut:
    folds = cross_validation_folds(X, y)
    probabilities = [fit(fold.fit).probabilities(X[fold.held_out], classes) for fold in folds]
    return HeldOut(np.concatenate(probabilities), np.concatenate([y[fold.held_out] for fold in folds]))


def cross_validation_folds(X: np.ndarray, y: np.ndarray) -> list[Fold]:
    """Draw the folds of `stratified_folds`.

    Args:
        X: numbers, (n, d).
        y: int, (n,): labels.

    Raises:
        UserError: no class has two different images.
    """
    if folds := stratified_folds(X, y):
        return folds
    raise UserError("model.refit=true needs a class with two different images for the cross-validation; found none")
