"""The plainest classifier of deep features: the class that most of an image's nearest training images have.

Reads   data/features.npz
Writes  metrics/knn.json, plots/knn_predictions.csv, plots/knn_classes.csv

It learns nothing, so it says how good the features are by themselves. Five votes are no probabilities: it has none.
"""

from sklearn.neighbors import KNeighborsClassifier
from threadpoolctl import threadpool_limits

from stages.common.evaluation import Prediction, report
from stages.common.exact import on_grid, step_of
from stages.common.features import load_features
from stages.common.params import load_params
from stages.common.stage import UserError, run_stage


def main() -> None:
    params = load_params().knn
    features = load_features()
    if params.k > len(features.y["train"]):
        raise UserError(f"knn.k: {params.k} neighbours of {len(features.y['train'])} training images")
    step = step_of(features.X["train"])
    rows = {subset: on_grid(X, step) for subset, X in features.X.items()}
    with threadpool_limits(1):  # of images equally near, their number would decide which are taken
        fitted = KNeighborsClassifier(params.k).fit(rows["train"], features.y["train"])
        said = {s: Prediction(features.y[s], fitted.predict(rows[s])) for s in ("val", "test")}
    report("knn", features.classes, **said)


if __name__ == "__main__":
    run_stage(main, __doc__)
