import numpy as np

from stages import pixels
from stages.common.files import read_json


def test_it_learns_from_pixels_and_not_from_features(world, features):
    world()
    bytes_of = {key: (rows * 20 + 100).clip(0, 255).astype(np.uint8) for key, rows in features.items() if key[0] == "X"}
    np.savez("data/pixels.npz", **features | bytes_of, classes=np.array(["a", "b", "c"]))
    np.savez("data/features.npz")
    pixels.main()
    assert read_json("metrics/pixels.json")["test"]["accuracy"] == 1.0
