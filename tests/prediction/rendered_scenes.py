"""Rasters that are rendered as a map does it, then checked."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from eurosat_transfer.io.json_files import read_json
from eurosat_transfer.prediction.scene_match import check_scene


class Rendering(NamedTuple):
    bands: tuple | None
    scale: tuple | None


def eurosat_histograms() -> np.ndarray:
    """Counts of the values of red, green and blue in 640 EuroSAT tiles, int64, (3, 256)."""
    return np.array(read_json(Path(__file__).with_name("eurosat_histograms.json"))["histograms"])


def count_values(image: np.ndarray) -> np.ndarray:
    return np.stack([np.bincount(image[..., channel].ravel(), minlength=256) for channel in range(3)])


def check(raster, training, bands, scale, sampled=True, add=(0, 0, 0)) -> None:
    """Render a raster, (bands, height, width), and check it. Pixels of zeros are nodata."""
    chosen = raster[[band - 1 for band in bands]].astype(float) + np.reshape(add, (3, 1, 1))
    low, high = scale
    image = np.floor(np.clip(1 + (chosen - low) * 254 / (high - low), 1, 255) + 0.5).astype(np.uint8)
    valid = (raster != 0).any(axis=0)
    image[:, ~valid] = 0
    sample = chosen[:, valid][:, ::37] if sampled else None
    check_scene(count_values(np.moveaxis(image, 0, -1)), training, Rendering(bands, scale), sample)
