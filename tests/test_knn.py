import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from stages import knn
from stages.common.files import read_csv, read_json
from stages.common.stage import UserError


def test_the_nearest_neighbours_decide(world, features):
    # A training image of another class right beside the first test image: one neighbour says its class, five do not.
    features["X_train"][0], features["y_train"][0] = features["X_test"][0], 2
    np.savez("data/features.npz", **features, classes=np.array(["a", "b", "c"]))
    for k, expected in ((1, "c"), (5, "a")):
        world(**{"knn.k": k})
        knn.main()
        assert read_csv("plots/knn_predictions.csv")[0] == {"actual": "a", "predicted": expected}
    assert "log_loss" not in read_json("metrics/knn.json")["test"]


def test_images_equally_near_are_the_same_on_any_number_of_threads(world, features):
    rng = np.random.default_rng(0)
    for subset in ("train", "val", "test"):
        features[f"X_{subset}"] = rng.integers(0, 2, (640, 20)).astype(np.float32)
        features[f"y_{subset}"] = rng.integers(0, 3, 640)
    np.savez("data/features.npz", **features, classes=np.array(["a", "b", "c"]))
    world(**{"knn.k": 5})
    said = []
    for threads in (1, 4):
        with threadpool_limits(threads):
            knn.main()
        said.append(read_csv("plots/knn_predictions.csv"))
    assert said[0] == said[1]


@pytest.mark.usefixtures("features")
def test_more_neighbours_than_images_are_refused(world):
    world(**{"knn.k": 61, "split.train": 640})
    with pytest.raises(UserError, match=r"knn\.k: 61 neighbours of 60 training images"):
        knn.main()
