"""Deep features of the chosen images, by the layer before the classifier; or features computed elsewhere.

Reads   data/dataset/  data/split.csv  data/backbone/, or the .npz that extract.features names
Writes  data/features.npz   X_train y_train X_val y_val X_test y_test classes
        data/pixels.npz     the same keys; each X the image itself, shrunk to extract.pixel_size, uint8, flattened

X: float32, (images, descriptor size); y: int64, (images,); classes: the names, by label.
Rows are in the order of data/split.csv. Features computed elsewhere come without images: the pixels have no columns.
"""

import numpy as np
from tqdm import tqdm

from stages.common.features import SUBSETS
from stages.common.fetch import fetch
from stages.common.files import write_arrays
from stages.common.params import Extract, load_params
from stages.common.precomputed import read_features
from stages.common.stage import UserError, run_stage


def given(params: Extract) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Take features computed elsewhere; as compute, the pixels uint8, (n, 0).

    Raises:
        UserError: the file is missing, has another checksum, or is not of features and labels.
    """
    path = fetch(params.features, f"sha256:{params.sha256}" if params.sha256 else None, "extract.features")
    try:
        features = read_features(path)
    except UserError as error:
        raise UserError(f"extract.features: {params.features}: {error}") from None
    empty = {f"X_{subset}": np.empty((len(features[f"y_{subset}"]), 0), np.uint8) for subset in SUBSETS}
    return features, features | empty


def compute(params: Extract) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Compute the features of the chosen images, and shrink these.

    Returns:
        The arrays of data/features.npz, and those of data/pixels.npz.
    """
    # TensorFlow, which takes seconds to import, is needed only here.
    from stages.common import backbones
    from stages.common.inference import apply
    from stages.common.tensorflow import reproducible, tf, use_every_core
    from stages.common.tiles import class_names, load_tiles

    use_every_core()
    reproducible(0)  # nothing here is random; the operations must not be either
    model, preprocess = backbones.load()
    prepare = preprocess if params.preprocess else tf.identity
    features, pixels = {}, {}
    for subset, tiles in load_tiles().items():
        features[f"X_{subset}"] = apply(model, prepare, tiles.images, subset)
        pixels[f"X_{subset}"] = shrink(tiles.images, params.pixel_size)
        features[f"y_{subset}"] = pixels[f"y_{subset}"] = tiles.labels
    features["classes"] = pixels["classes"] = np.array(class_names())
    return features, pixels


def shrink(images: np.ndarray, size: int) -> np.ndarray:
    """Decode and shrink images, and lay each out in a row.

    Returns:
        uint8, (n, size * size * 3).
    """
    from stages.common.tensorflow import tf
    from stages.common.tiles import decode

    bar = tqdm(images, desc="pixels", unit="image", mininterval=1, disable=None)
    return np.stack([tf.cast(tf.round(decode(image, size)), tf.uint8).numpy().ravel() for image in bar])


def main() -> None:
    params = load_params().extract
    features, pixels = given(params) if params.features else compute(params)
    write_arrays("data/features.npz", **features)
    write_arrays("data/pixels.npz", **pixels)
    images = sum(len(features[f"y_{subset}"]) for subset in SUBSETS)
    print(f"{images} images -> {features['X_train'].shape[1]} features of {len(features['classes'])} classes")


if __name__ == "__main__":
    run_stage(main, __doc__)
