"""The plainest classifier of deep features: the class that most of an image's nearest training images have.

Reads   data/features.npz
Writes  metrics/knn.json, plots/knn_predictions.csv, plots/knn_classes.csv

It learns nothing, so it says how good the features are by themselves. Five votes are no probabilities: it has none.
"""

from sklearn.neighbors import KNeighborsClassifier

from stages.common.evaluation import Prediction, report
from stages.common.features import load_features
from stages.common.params import load_params
from stages.common.stage import UserError, run_stage


def main() -> None:
    params = load_params().knn
    features = load_features()
    if params.k > len(features.y["train"]):
        raise UserError(f"knn.k: {params.k} neighbours of {len(features.y['train'])} training images")
    fitted = KNeighborsClassifier(params.k).fit(*features.of("train"))
    said = {s: Prediction(features.y[s], fitted.predict(features.X[s])) for s in ("val", "test")}
    report("knn", features.classes, **said)


if __name__ == "__main__":
    run_stage(main, __doc__)
