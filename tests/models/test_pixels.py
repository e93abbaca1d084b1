import numpy as np
import pytest
from small_features import feature_set

from eurosat_transfer.errors import UserError
from eurosat_transfer.features.feature_set import FeatureSet
from eurosat_transfer.io.csv_files import read_csv
from eurosat_transfer.io.json_files import read_json
from eurosat_transfer.models.svm import evaluate_svm
from eurosat_transfer.parameters.pixels import Pixels
from stages import pixels


def pixel_set(noise: float = 0.3) -> FeatureSet:
    """Draw rows of bytes of three classes."""
    features = feature_set(noise)
    as_bytes = {subset: (rows * 20 + 100).clip(0, 255).astype(np.uint8) for subset, rows in features.X.items()}
    return FeatureSet(as_bytes, features.y, features.classes)


def save(pixels: FeatureSet) -> None:
    arrays = {f"X_{subset}": rows for subset, rows in pixels.X.items()}
    arrays |= {f"y_{subset}": labels for subset, labels in pixels.y.items()}
    arrays |= {f"files_{subset}": np.array([f"{i}.jpg" for i in range(len(y))]) for subset, y in pixels.y.items()}
    np.savez("data/pixels.npz", **arrays, classes=np.array(pixels.classes))


@pytest.mark.usefixtures("features")
def test_stage_learns_from_pixels_and_not_from_features(world):
    world()
    save(pixel_set())
    np.savez("data/features.npz")
    pixels.main()
    assert read_json("metrics/pixels.json")["test"]["accuracy"] == 1.0


@pytest.mark.usefixtures("features")
def test_pixels_are_scaled_to_the_range_from_0_to_1(world):
    """With a linear kernel the scale of the values changes what a penalty means."""
    rows = pixel_set(noise=4)
    scaled = FeatureSet({s: X.astype(np.float32) / 255 for s, X in rows.X.items()}, rows.y, rows.classes)
    params = Pixels(kernel="linear", C=0.01)
    expected, unscaled = (evaluate_svm(each, params).test.predicted.tolist() for each in (scaled, rows))
    assert expected != unscaled
    world(**{"pixels.kernel": "linear", "pixels.C": 0.01})
    save(rows)
    pixels.main()
    assert ["abc".index(row["predicted"]) for row in read_csv("plots/pixels_predictions.csv")] == expected


@pytest.mark.usefixtures("features")
def test_features_without_pixels_are_refused(world):
    rows = pixel_set()
    world()
    save(FeatureSet({subset: X[:, :0] for subset, X in rows.X.items()}, rows.y, rows.classes))
    with pytest.raises(
        UserError, match=r"extract\.features: .* without images to classify; set extract\.features=null"
    ):
        pixels.main()
