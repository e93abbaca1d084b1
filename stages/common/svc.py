"""The support vector classifier, as every stage that fits one does."""

import numpy as np
from sklearn.svm import SVC

from stages.common.features import Features

PENALTIES = (0.1, 1.0, 10.0, 100.0, 1000.0)  # what C: auto tries


def fit_svm(X: np.ndarray, y: np.ndarray, kernel: str, C: float) -> SVC:
    """Fit on float rows; kernel rbf has scikit-learn's gamma, 1 / (features * variance)."""
    return SVC(C=C, kernel=kernel).fit(X, y)


def choose_penalty(features: Features, kernel: str) -> float:
    """Choose C: the best on val when fitted on train, the smallest of equals."""
    train, val = features.of("train"), features.of("val")
    return max(PENALTIES, key=lambda C: fit_svm(*train, kernel, C).score(*val))
