"""Extraction of the selected tiles: features from the cache or the network, and raw pixels."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import numpy as np
from tqdm import tqdm

from eurosat_transfer.data.band_names import RGB
from eurosat_transfer.data.dataset import TileDataset
from eurosat_transfer.data.image_tensors import raw_pixels
from eurosat_transfer.data.selection import Selection, open_selection
from eurosat_transfer.data.subsets import UNLABELLED
from eurosat_transfer.errors import UserError
from eurosat_transfer.features.cache import FeatureCache
from eurosat_transfer.features.earlier import reuse_features
from eurosat_transfer.features.image_stream import UndecodableImageError, stream_batches
from eurosat_transfer.features.inference import Extracted, load_network
from eurosat_transfer.features.quantisation import CALIBRATION_IMAGES
from eurosat_transfer.io.disk_matrix import DiskMatrix
from eurosat_transfer.io.npz import Arrays
from eurosat_transfer.parameters.extract import Extract

PIXEL_BATCH = 32  # images
TEMPORARY = Path("data")  # folder of the temporary files

# Dependencies of the stage that the features of one tile do not depend on: how tiles are chosen, read and written,
# other tiles, and statistics of bands. They are not in the cache key.
SELECTION_FILES = (
    Path("data/split.csv"),
    *map(Path("eurosat_transfer/features").joinpath, ("precomputed.py", "earlier.py", "band_features.py")),
    Path("eurosat_transfer/data/band_statistics.py"),
    *map(Path("eurosat_transfer/data").joinpath, ("dataset.py", "index.py", "selection.py", "split_file.py")),
    *map(Path("eurosat_transfer/data").joinpath, ("subsets.py", "tfds.py")),
    *Path("eurosat_transfer/io").glob("*.py"),
)
WITHOUT_EFFECT = (Path("data/array_records"), *SELECTION_FILES)

Matrices = dict[str, DiskMatrix]  # by subset
FindFile = Callable[[], Path | None]


class Extractor(Protocol):
    """What computes features: a network on this machine, or a cluster."""

    @property
    def engine(self) -> list[str]:
        """The software and hardware that compute features, and a digest of what they make of fixed images."""

    def extract(self, images: Iterable[tuple[int, bytes]], pixel_size: int) -> Iterator[Extracted]:
        """Compute the features and the raw pixels of images, see Network.extract."""


def extract_selection(
    params: Extract, inputs: str, cluster: Extractor | None = None, find_earlier: FindFile = lambda: None
) -> tuple[Arrays, Arrays]:
    """Compute the features and the raw pixels of the selected tiles.

    Args:
        params: preprocess, precision and pixel_size.
        inputs: a digest of the files that features depend on besides the tiles: the network's and the code's. The
            extractor's engine is a part of the cache key too.
        cluster: computes the features; None uses this machine.
        find_earlier: finds data/features.npz of an earlier run, see extract. It is not asked if there is a cluster, nor
            with int8, whose features depend on the train tiles.

    Returns:
        The arrays of data/features.npz and those of data/pixels.npz.

    Raises:
        UserError: the data set is damaged or does not fit the selection, or the cluster fails.
    """
    dataset, selection = open_selection()
    is_quantised = params.precision == "int8"
    calibration = _calibration_images(dataset, selection) if is_quantised else []
    network = load_network(params.preprocess, params.precision, bands=dataset.network_bands, calibration=calibration)
    extractor = cluster or network
    with open_cache(inputs, params.preprocess, extractor) as cache:
        find = find_earlier if cluster is None and not is_quantised else lambda: None
        matrices = extract(dataset, selection, extractor, network.width, cache, params.pixel_size, TEMPORARY, find)
    labels = selection.label_arrays()
    features, pixels = ({f"X_{subset}": X for subset, X in by_subset.items()} | labels for by_subset in matrices)
    if UNLABELLED in selection.files:
        features[f"files_{UNLABELLED}"] = np.array(selection.files[UNLABELLED])
    return features, pixels


def _calibration_images(dataset: TileDataset, selection: Selection) -> list[bytes]:
    """Read tiles of train, at equal distances: in the order of the data set, so in that of its classes."""
    train = selection.indices["train"]
    rows = np.linspace(0, len(train) - 1, min(CALIBRATION_IMAGES, len(train))).astype(int)
    return [dataset.read_input(int(index)) for index in train[rows]]


def open_cache(inputs: str, preprocess: bool, extractor: Extractor) -> FeatureCache:
    """Open the cache of the features that an extractor computes.

    Args:
        inputs: a digest of the network's files and of the code.
        preprocess: whether the network's preprocess_input function is applied.
        extractor: its engine is a part of the cache key too.
    """
    return FeatureCache(hashlib.sha256(json.dumps([inputs, preprocess, extractor.engine]).encode()).hexdigest())


def extract(
    dataset: TileDataset,
    selection: Selection,
    extractor: Extractor,
    width: int,
    cache: FeatureCache,
    pixel_size: int,
    folder: Path,
    find_earlier: FindFile = lambda: None,
) -> tuple[Matrices, Matrices]:
    """Extract the selected tiles. The extractor gets only the tiles whose features are not in the cache.

    Args:
        dataset: the data set.
        selection: its selected tiles.
        extractor: computes features.
        width: d, the number of features per tile.
        cache: the cache of the extractor's network and engine. New features are added to it.
        pixel_size: pixels per side of the small copies.
        folder: for temporary files.
        find_earlier: finds data/features.npz of an earlier run with the same tiles, network, code and preprocessing.
            It is asked if tiles are not in the cache. Their features are then added to the cache from this file. If the
            cache is switched off, it is not asked, because then features are to be computed.

    Returns:
        Features, float32, (n, d), and raw pixels, uint8, (n, pixel_size * pixel_size * channels), by subset, in the
        order of the selection. UNLABELLED has no pixels.

    Raises:
        UserError: the data set is damaged, an image does not decode, or the extractor fails.
    """
    channels = len(dataset.network_bands or RGB)
    features = {s: DiskMatrix(folder, len(of), width, np.float32) for s, of in selection.indices.items()}
    pixels = {
        s: DiskMatrix(folder, len(of), channels * pixel_size**2, np.uint8)
        for s, of in selection.indices.items()
        if s != UNLABELLED
    }
    places = list(selection.places())  # a tile's key is its position in this list
    known: list[int] = []
    missing: dict[int, bytes] = {}  # key of the tile -> key in the cache
    for key, (index, subset, row) in enumerate(places):
        cache_key = cache.key(dataset.read_input(index))
        found = cache.get(cache_key)
        if found is None:
            missing[key] = cache_key
        else:
            known.append(key)
            features[subset][row] = found

    def images(keys: Iterable[int]) -> Iterator[tuple[int, bytes]]:
        return ((key, dataset.read_input(places[key][0])) for key in keys)

    def compute(keys: list[int]) -> Iterator[tuple[int, np.ndarray]]:
        return ((extracted.key, extracted.features) for extracted in extractor.extract(images(keys), pixel_size))

    bar = tqdm(desc="extract", total=len(places), unit="image", mininterval=1, disable=None)
    with bar, _naming_the_image(lambda key: dataset[places[key][0]].file):
        if missing and cache.is_used and (path := find_earlier()):
            names = {key: selection.files[subset][row] for key in missing for _, subset, row in [places[key]]}
            for key, values in reuse_features(path, names, compute):
                _, subset, row = places[key]
                features[subset][row] = values
                cache.put(missing.pop(key), values)
                known.append(key)
        for extracted in extractor.extract(images(missing), pixel_size):
            _, subset, row = places[extracted.key]
            features[subset][row] = extracted.features
            if subset != UNLABELLED:
                pixels[subset][row] = extracted.pixels
            cache.put(missing[extracted.key], extracted.features)
            bar.update()
        shown = [key for key in known if places[key][1] != UNLABELLED]
        bar.update(len(known) - len(shown))
        for key, values in _pixels_only(images(shown), pixel_size, channels):
            _, subset, row = places[key]
            pixels[subset][row] = values
            bar.update()
    print(f"{len(missing)} images through the network, {len(known)} from the cache or the last run")
    return features, pixels


@contextmanager
def _naming_the_image(name: Callable[[int], str]) -> Iterator[None]:
    """Let the error about an image that cannot be decoded name the image."""
    try:
        yield
    except UndecodableImageError as error:
        raise UserError(f"{name(error.key)} in the data set is not a readable image: {error.reason}") from None


def _pixels_only(
    images: Iterable[tuple[int, bytes]], pixel_size: int, channels: int
) -> Iterator[tuple[int, np.ndarray]]:
    for keys, pixels in stream_batches(images, lambda images: (raw_pixels(images, pixel_size),), PIXEL_BATCH, channels):
        yield from zip(keys.tolist(), pixels, strict=True)
