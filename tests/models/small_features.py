"""Small feature sets, for tests of classifiers."""

import numpy as np

from eurosat_transfer.features.feature_set import FeatureSet

COUNTS = {"train": 60, "val": 30, "test": 30}
CLASSES = 3


def feature_set(noise: float = 0.3, seed: int = 0) -> FeatureSet:
    """Draw rows of three classes in turn, with six columns; a noise of 0.3 separates the classes well."""
    rng = np.random.default_rng(seed)
    y = {subset: np.arange(count) % CLASSES for subset, count in COUNTS.items()}
    X = {
        subset: (rng.normal(0, noise, (len(labels), 6)) + 3 * np.eye(CLASSES, 6)[labels]).astype(np.float32)
        for subset, labels in y.items()
    }
    return FeatureSet(X, y, ["a", "b", "c"])


def with_labels(features: FeatureSet, **labels: np.ndarray) -> FeatureSet:
    """Replace the labels of some subsets."""
    return FeatureSet(features.X, features.y | labels, features.classes)


def without_class_in_train(features: FeatureSet, missing: int) -> FeatureSet:
    """Replace the training rows of a class by rows of another class, so that only val shows the missing class."""
    X, y = features.X["train"].copy(), features.y["train"].copy()
    other = (missing + 1) % CLASSES
    X[y == missing], y[y == missing] = X[y == other], other
    return FeatureSet(features.X | {"train": X}, features.y | {"train": y}, features.classes)
