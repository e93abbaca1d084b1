"""The k-nearest-neighbour classifier, with the same predictions on any number of cores."""

from sklearn.neighbors import KNeighborsClassifier
from threadpoolctl import threadpool_limits

from eurosat_transfer.errors import UserError
from eurosat_transfer.evaluation.predictions import Prediction, Results
from eurosat_transfer.exact import grid_step, round_to_grid
from eurosat_transfer.features.feature_set import FeatureSet
from eurosat_transfer.parameters.knn import Knn


def evaluate_knn(features: FeatureSet, params: Knn) -> Results:
    """Predict the most frequent class among the k nearest training images, for val and test.

    Args:
        features: of train, val and test.
        params: the number of neighbours, k.

    Returns:
        Predictions without probabilities: k votes are too few for them.

    Raises:
        UserError: k is larger than the number of training images.
    """
    X, y = features.select("train")
    if params.k > len(y):
        raise UserError(f"knn.k={params.k} is too large; allowed: 1 to {len(y)}, the number of training images")
    step = grid_step(X)
    # scikit-learn can share the training rows out among threads. Their number would decide which of several equally
    # near rows count.
    with threadpool_limits(1):
        fitted = KNeighborsClassifier(params.k).fit(round_to_grid(X, step), y)
        val, test = (fitted.predict(round_to_grid(features.X[subset], step)) for subset in ("val", "test"))
    return Results(Prediction(features.y["val"], val), Prediction(features.y["test"], test), len(y))
