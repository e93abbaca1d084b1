"""Statistics of the bands of a tile, and of indices that combine two bands: features that need no network.

Sums of whole numbers are exact in float64, whatever the order of the additions. So the statistics have the same bits on
every processor, if the values of the bands are whole numbers. The values of an index are rounded to a grid for that.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from eurosat_transfer.data.band_names import find_role

STATISTICS = ("mean", "standard deviation", "10 %", "90 %", "texture")
GRID = 2.0**-15  # of the indices


class Index(NamedTuple):
    """A normalised difference of two bands: (first - second) / (first + second).

    Attributes:
        name: of the index.
        first, second: what the two bands measure, see band_names.ROLES.
    """

    name: str
    first: str
    second: str


# Sources: Tucker, 1979 (NDVI and NGRDI); McFeeters, 1996 (NDWI); Zha et al., 2003 (NDBI).
INDICES = (
    Index("NDVI", "near infrared", "red"),  # large for plants
    Index("NDWI", "green", "near infrared"),  # large for water
    Index("NDBI", "short-wave infrared", "near infrared"),  # large for buildings
    Index("NGRDI", "green", "red"),  # large for plants, without the infrared
)


def statistic_names(band_names: Sequence[str]) -> list[str]:
    """Name the statistics of band_statistics, such as "B04 mean" and "NDVI texture".

    Args:
        band_names: of all bands.
    """
    layers = [*band_names, *(index.name for index in INDICES if _find_bands(index, band_names))]
    return [f"{layer} {statistic}" for layer in layers for statistic in STATISTICS]


def band_statistics(raster: np.ndarray, band_names: Sequence[str]) -> np.ndarray:
    """Compute statistics of each band, and of each index whose two bands there are.

    The texture is the mean absolute difference between neighbouring pixels, in rows and in columns. A value that is NaN
    or infinite counts as the mean of its band.

    Args:
        raster: (height, width, bands), numbers.
        band_names: of the bands.

    Returns:
        float32, (statistics,), in the order of statistic_names.
    """
    bands = [_without_gaps(band) for band in np.moveaxis(raster, -1, 0).astype(np.float64)]
    found = [places for index in INDICES if (places := _find_bands(index, band_names))]
    indices = [normalised_difference(bands[first], bands[second]) for first, second in found]
    return np.concatenate([_describe(layer) for layer in (*bands, *indices)]).astype(np.float32)


def normalised_difference(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Compute (first - second) / (first + second), on a grid from -1 to 1. It is 0 where the sum is 0.

    Args:
        first: float64, (height, width).
        second: float64, (height, width).

    Returns:
        float64, (height, width).
    """
    total = first + second
    ratio = np.divide(first - second, total, out=np.zeros_like(total), where=total != 0)
    return np.rint(np.clip(ratio, -1, 1) / GRID) * GRID


def _find_bands(index: Index, band_names: Sequence[str]) -> tuple[int, int] | None:
    first, second = find_role(band_names, index.first), find_role(band_names, index.second)
    return None if first is None or second is None else (first, second)


def _without_gaps(band: np.ndarray) -> np.ndarray:
    known = np.isfinite(band)
    if known.all():
        return band
    return np.where(known, band, band[known].mean() if known.any() else 0.0)


def _describe(layer: np.ndarray) -> list[float]:
    mean = layer.sum() / layer.size
    variance = max((layer**2).sum() / layer.size - mean**2, 0.0)
    low, high = np.quantile(layer, (0.1, 0.9), method="lower")
    steps = [np.abs(np.diff(layer, axis=axis)) for axis in (0, 1)]
    texture = sum(step.sum() / max(step.size, 1) for step in steps) / len(steps)
    return [mean, variance**0.5, low, high, texture]
