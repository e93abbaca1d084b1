"""Deep features of the chosen images, by the layer before the classifier.

Reads   data/dataset/  data/split.csv  data/backbone/
Writes  data/features.npz   X_train y_train X_val y_val X_test y_test classes
        data/pixels.npz     the same keys; each X the image itself, shrunk to extract.pixel_size, uint8, flattened

X: float32, (images, descriptor size); y: int64, (images,); classes: the names, by label.
Rows are in the order of data/split.csv.
"""

import numpy as np
from tqdm import tqdm

from stages.common import backbones
from stages.common.files import write_arrays
from stages.common.inference import apply
from stages.common.params import load_params
from stages.common.stage import run_stage
from stages.common.tensorflow import reproducible, tf
from stages.common.tiles import class_names, decode, load_tiles


def shrink(images: np.ndarray, size: int) -> np.ndarray:
    """Decode and shrink images, and lay each out in a row.

    Returns:
        uint8, (n, size * size * 3).
    """
    bar = tqdm(images, desc="pixels", unit="image", mininterval=1, disable=None)
    return np.stack([tf.cast(tf.round(decode(image, size)), tf.uint8).numpy().ravel() for image in bar])


def main() -> None:
    params = load_params().extract
    reproducible(0)  # nothing here is random; the operations must not be either
    model, preprocess = backbones.load()
    prepare = preprocess if params.preprocess else tf.identity
    features, pixels = {}, {}
    for subset, tiles in load_tiles().items():
        features[f"X_{subset}"] = apply(model, prepare, tiles.images, subset)
        pixels[f"X_{subset}"] = shrink(tiles.images, params.pixel_size)
        features[f"y_{subset}"] = pixels[f"y_{subset}"] = tiles.labels
    classes = np.array(class_names())
    write_arrays("data/features.npz", **features, classes=classes)
    write_arrays("data/pixels.npz", **pixels, classes=classes)
    images = sum(len(features[f"y_{subset}"]) for subset in ("train", "val", "test"))
    print(f"{images} images -> {model.output_shape[-1]} features")


if __name__ == "__main__":
    run_stage(main, __doc__)
