"""A support vector classifier on the deep features.

Reads   data/features.npz
Writes  metrics/svm.json, plots/svm_predictions.csv, plots/svm_classes.csv
"""

from sklearn.svm import SVC

from stages.common.evaluation import report
from stages.common.features import Features, load_features
from stages.common.params import Svm, load_params
from stages.common.stage import run_stage


def fit(features: Features, params: Svm) -> SVC:
    """Fit on the training features; kernel rbf has scikit-learn's gamma, 1 / (features * variance)."""
    return SVC(C=params.C, kernel=params.kernel).fit(features.X["train"], features.y["train"])


def main() -> None:
    params = load_params().svm
    features = load_features()
    classifier = fit(features, params)
    predicted = {subset: classifier.predict(features.X[subset]) for subset in ("val", "test")}
    report("svm", features.classes, **{s: (features.y[s], predicted[s]) for s in predicted})


if __name__ == "__main__":
    run_stage(main, __doc__)
