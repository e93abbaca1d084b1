"""Deep features of the chosen images, by the layer before the classifier; or features computed elsewhere.

Reads   data/dataset/  data/split.csv  data/backbone/, or the .npz that extract.features names
Writes  data/features.npz   X_train y_train X_val y_val X_test y_test classes
        data/pixels.npz     the same keys; each X the image itself, shrunk to extract.pixel_size, uint8, flattened

X: float32, (images, descriptor size); y: int64, (images,); classes: the names, by label.
Rows are in the order of data/split.csv. Features computed elsewhere come without images: the pixels have no columns.
"""

import hashlib
import json
import os
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path

import numpy as np
from tqdm import tqdm

from stages.common.fetch import fetch
from stages.common.intact import inputs_of, md5
from stages.common.names import SUBSETS
from stages.common.params import Extract, load_params
from stages.common.rows import Rows, pack
from stages.common.stage import UserError, run_stage
from stages.common.store import FeatureStore

Arrays = dict[str, np.ndarray | Rows]


def given(params: Extract) -> tuple[Arrays, Arrays]:
    """Take features computed elsewhere; as compute, the pixels uint8, (n, 0).

    Raises:
        UserError: the file is missing, has another checksum, or is not of features and labels.
    """
    from stages.common.precomputed import read_features  # needed only here, and with it half a second of scikit-learn

    path = fetch(params.features, f"sha256:{params.sha256}" if params.sha256 else None, "extract.features")
    try:
        features = read_features(path)
    except UserError as error:
        raise UserError(f"extract.features: {params.features}: {error}") from None
    empty = {f"X_{subset}": np.empty((len(features[f"y_{subset}"]), 0), np.uint8) for subset in SUBSETS}
    return features, features | empty


def compute(params: Extract) -> tuple[Arrays, Arrays]:
    """Compute the features of the chosen images that the store does not have, and shrink them all, in one pass.

    Returns:
        The arrays of data/features.npz, and those of data/pixels.npz.
    """
    cluster = None
    if os.environ.get("RAY_ADDRESS"):
        from stages.common.cluster import Cluster

        cluster = Cluster(params.preprocess)
    # TensorFlow, which takes seconds to import, is needed only here.
    from stages.common import inference
    from stages.common.tiles import chosen_labels, class_names, read_chosen

    network = inference.load(params.preprocess)
    engine = cluster.engine if cluster else inference.engine()
    shrink, labels, data = shrinker(params.pixel_size), chosen_labels(), Path("data")
    features = {s: Rows(data, len(y), network.width, np.float32) for s, y in labels.items()}
    pixels = {s: Rows(data, len(y), 3 * params.pixel_size**2, np.uint8) for s, y in labels.items()}
    count, expected = sum(map(len, labels.values())), deque()

    def unseen(store: FeatureStore) -> Iterator[bytes]:
        for subset, place, image in tqdm(read_chosen(), "extract", count, unit="image", mininterval=1, disable=None):
            pixels[subset][place] = shrink(image)
            row = store.get(image)
            if row is None:
                expected.append((subset, place, image))
                yield image
            else:
                features[subset][place] = row

    with FeatureStore(network_digest(params.preprocess, engine)) as store, cluster or nullcontext():
        computed = 0
        for row in (cluster or network).stream(unseen(store)):
            subset, place, image = expected.popleft()
            features[subset][place] = row
            store.put(image, row)
            computed += 1
    print(f"{computed} images through the network, {count - computed} from the store")
    y = {f"y_{subset}": column for subset, column in labels.items()} | {"classes": np.array(class_names())}
    return tuple({f"X_{subset}": rows for subset, rows in of.items()} | y for of in (features, pixels))


def network_digest(preprocess: bool, engine: list[str]) -> str:
    """Digest all that an image's features come from, besides the image: network, weights, code, what it runs on."""
    own = sorted(path for path in inputs_of("extract") if path not in (Path("data/dataset"), Path("data/split.csv")))
    read = {str(path): md5(path) for path in own}
    return hashlib.sha256(json.dumps([read, preprocess, engine]).encode()).hexdigest()


def shrinker(size: int) -> Callable[[bytes], np.ndarray]:
    """Make a function that decodes and shrinks an image, and lays it out in a row: uint8, (size * size * 3,)."""
    from stages.common.images import decode
    from stages.common.tensorflow import tf

    @tf.function(input_signature=[tf.TensorSpec((), tf.string)])
    def shrink(encoded: tf.Tensor) -> tf.Tensor:
        return tf.reshape(tf.cast(tf.round(decode(encoded, size)), tf.uint8), [-1])

    return lambda encoded: shrink(tf.constant(encoded)).numpy()


def main() -> None:
    params = load_params().extract
    features, pixels = given(params) if params.features else compute(params)
    keys = [f"{key}_{subset}" for subset in SUBSETS for key in "Xy"] + ["classes"]
    pack("data/features.npz", {key: features[key] for key in keys})
    pack("data/pixels.npz", {key: pixels[key] for key in keys})
    images = sum(len(features[f"y_{subset}"]) for subset in SUBSETS)
    print(f"{images} images -> {features['X_train'].shape[1]} features of {len(features['classes'])} classes")


if __name__ == "__main__":
    run_stage(main, __doc__)
