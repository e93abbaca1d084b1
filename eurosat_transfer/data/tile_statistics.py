"""What the tiles of a data set look like, for the comparison with other images."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from eurosat_transfer.data.decoding import decode_image

LEVELS = 256


class TileStatistics(NamedTuple):
    """The size and the colours of tiles.

    Attributes:
        size: the most frequent height and width in pixels. Of equally frequent sizes, the first one.
        histograms: int64, (3, 256): how often each value occurs in red, green and blue.
    """

    size: tuple[int, int]
    histograms: np.ndarray


def measure_tiles(images: Iterable[bytes]) -> TileStatistics:
    """Measure the size and the colours of tiles.

    Args:
        images: encoded, one or more.

    Raises:
        ImageError: an image cannot be decoded.
    """
    sizes: Counter[tuple[int, int]] = Counter()
    histograms = np.zeros((3, LEVELS), np.int64)
    for image in map(decode_image, images):
        sizes[image.shape[0], image.shape[1]] += 1
        histograms += count_levels(image)
    return TileStatistics(sizes.most_common(1)[0][0], histograms)


def count_levels(pixels: np.ndarray) -> np.ndarray:
    """Count how often each value occurs in each channel.

    Args:
        pixels: uint8, (..., 3), RGB.

    Returns:
        int64, (3, 256).
    """
    return np.stack([np.bincount(pixels[..., channel].ravel(), minlength=LEVELS) for channel in range(3)])
