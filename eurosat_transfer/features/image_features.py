"""Features of images that are in no data set, from the cache or the network."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from tqdm import tqdm

from eurosat_transfer.errors import UserError
from eurosat_transfer.features.extraction import open_cache
from eurosat_transfer.features.inference import load_network
from eurosat_transfer.precision import Precision


def extract_images(
    read: Sequence[Callable[[], bytes]], preprocess: bool, precision: Precision, inputs: str
) -> tuple[np.ndarray, dict[int, str]]:
    """Compute the features of images.

    The stage extract finds them in the cache, and this function finds those of the stage.

    Args:
        read: for each of n images, a function that reads it as a JPEG or PNG file.
        preprocess: whether the network's preprocess_input function is applied.
        precision: of the computation.
        inputs: a digest of the network's files and of the code, as for extract_selection.

    Returns:
        The features, float32, (n, d), and by position why an image cannot be read. Its features are 0.

    Raises:
        UserError: no image can be read.
    """
    network = load_network(preprocess, precision)
    features = np.zeros((len(read), network.width), np.float32)
    broken: dict[int, str] = {}
    missing: dict[int, bytes] = {}  # position -> key in the cache
    with open_cache(inputs, preprocess, network) as cache:
        bar = tqdm(desc="extract", total=len(read), unit="image", mininterval=1, disable=None)
        with bar:
            for position, image in _read_all(read, range(len(read)), broken):
                key = cache.key(image)
                found = cache.get(key)
                if found is None:
                    missing[position] = key
                else:
                    features[position] = found
                    bar.update()
            if len(broken) == len(read):
                raise UserError(f"no image can be read: {broken[0]}")
            for extracted in network.extract(_read_all(read, list(missing), broken), 1):
                features[extracted.key] = extracted.features
                cache.put(missing[extracted.key], extracted.features)
                bar.update()
    return features, broken


def _read_all(
    read: Sequence[Callable[[], bytes]], positions: Iterable[int], broken: dict[int, str]
) -> Iterator[tuple[int, bytes]]:
    for position in positions:
        try:
            image = read[position]()
        except UserError as error:
            broken[position] = str(error)
        else:
            yield position, image
