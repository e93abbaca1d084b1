"""Compute the features of the selected images, or take features that were computed elsewhere.

Reads   data/array_records/  data/split.csv  data/backbone/, or the .npz that extract.features names
Writes  data/features.npz   X_train y_train files_train, the same of val and test, and classes
                            with split.unlabelled=rest also X_unlabelled files_unlabelled
        data/pixels.npz     the same keys without those of unlabelled; each X holds the images
                            themselves, shrunk to extract.pixel_size, uint8
        data/bands.npz      the same keys as data/pixels.npz; each X holds statistics of the bands,
                            float32; and their names

X: float32, (images, descriptor size); y: int64, (images,); files: names of the images; classes: names
by label. Rows are in the order of data/split.csv. Features that were computed elsewhere come without
images: their pixels and bands have no columns. With split.folds=2 or more, the files also have X_rest y_rest
files_rest, of the images that the first fold does not use, and folds: str, (folds - 1, images), the
subset of every image (first those of train, then val, test and rest) in each other fold.
"""

import os
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from eurosat_transfer.data.folds import REST
from eurosat_transfer.data.subsets import SUBSETS, UNLABELLED
from eurosat_transfer.errors import UserError
from eurosat_transfer.io.npz import Arrays, write_npz
from eurosat_transfer.parameters.extract import Extract
from eurosat_transfer.parameters.loading import load_section
from eurosat_transfer.pipeline.integrity import digest_inputs, earlier_output
from eurosat_transfer.pipeline.named_files import check_is_no_output
from eurosat_transfer.pipeline.stage import run_stage

FEATURES = Path("data/features.npz")


def main() -> None:
    """Run the stage."""
    features, pixels, bands = _compute(load_section(Extract))
    keys = [f"{key}_{subset}" for subset in (*SUBSETS, REST, UNLABELLED) for key in ("X", "y", "files")]
    keys += ["folds", "classes"]
    write_npz(FEATURES, {key: features[key] for key in keys if key in features})
    write_npz("data/pixels.npz", {key: pixels[key] for key in keys if key in pixels})
    write_npz("data/bands.npz", {key: bands[key] for key in [*keys, "names"] if key in bands})
    images = sum(array.shape[0] for key, array in features.items() if key.startswith("X_"))
    print(f"{images} images -> {features['X_train'].shape[1]} features of {features['classes'].shape[0]} classes")


def _compute(params: Extract) -> tuple[Arrays, Arrays, Arrays]:
    check_is_no_output("extract.features", params.features)
    if params.features:  # needs no TensorFlow, which takes seconds to import
        from eurosat_transfer.features.precomputed import fetch_features

        features, pixels = fetch_features(params)
        return features, pixels, pixels | {"names": np.array([], str)}
    from eurosat_transfer.data.selection import open_selection
    from eurosat_transfer.features.band_features import measure_bands

    bands = measure_bands(*open_selection())
    with _cluster(params) as cluster:
        from eurosat_transfer.features.extraction import SELECTION_FILES, WITHOUT_EFFECT, extract_selection

        same = {"preprocess": params.preprocess, "precision": params.precision, "features": None}
        find_earlier = partial(earlier_output, "extract", FEATURES, SELECTION_FILES, same)
        return *extract_selection(params, digest_inputs("extract", WITHOUT_EFFECT), cluster, find_earlier), bands


def _cluster(params: Extract) -> AbstractContextManager[Any]:
    if not os.environ.get("RAY_ADDRESS"):
        return nullcontext()
    if params.precision == "int8":
        raise UserError("extract.precision=int8 runs on one machine; unset RAY_ADDRESS, or set another precision")
    from eurosat_transfer.data.dataset import TileDataset
    from eurosat_transfer.features.cluster import Cluster

    return Cluster(params.preprocess, params.precision, bands=TileDataset().network_bands)


if __name__ == "__main__":
    run_stage(main, __doc__)
