"""A support vector classifier on the deep features.

Reads   data/features.npz
Writes  metrics/svm.json, plots/svm_predictions.csv, plots/svm_classes.csv

C: auto is chosen on val; the classifier that is tested is then fitted on train and val together.
"""

from stages.common.evaluation import Prediction, report
from stages.common.features import load_features
from stages.common.params import load_params
from stages.common.stage import run_stage
from stages.common.svc import choose_penalty, fit_svm


def main() -> None:
    params = load_params().svm
    features = load_features()
    auto = params.C == "auto"
    C = choose_penalty(features, params.kernel) if auto else params.C
    fitted = fit_svm(*features.of("train"), params.kernel, C)
    val = Prediction(features.y["val"], fitted.predict(features.X["val"]))
    if auto:
        fitted = fit_svm(*features.of("train", "val"), params.kernel, C)
    test = Prediction(features.y["test"], fitted.predict(features.X["test"]))
    report("svm", features.classes, val, test, {"C": C} if auto else None)


if __name__ == "__main__":
    run_stage(main, __doc__)
