"""Helpers for tests that need GeoTIFF files, or PNG files of 16 bits."""

from collections.abc import Callable

import numpy as np
from rasterio.io import MemoryFile


def raster_file(values: np.ndarray, driver: str = "GTiff", finish: Callable | None = None, **profile) -> bytes:
    """Encode a raster.

    Args:
        values: (bands, height, width).
        driver: GDAL's name of the format: GTiff or PNG.
        finish: gets rasterio's dataset, to write more into it than the values.
        profile: further options of GDAL, such as nodata or compress.
    """
    count, height, width = values.shape
    with MemoryFile() as memory:
        size = {"count": count, "height": height, "width": width}
        with memory.open(driver=driver, dtype=values.dtype, **size, **profile) as dataset:
            dataset.write(values)
            if finish is not None:
                finish(dataset)
        return bytes(memory.read())


def ramp(bands: int, dtype: str = "uint16", size: tuple[int, int] = (5, 7), first: int = 300) -> np.ndarray:
    """Return (bands, height, width): 300 and so on, then the next band. All values are different."""
    return np.arange(first, first + bands * size[0] * size[1]).astype(dtype).reshape(bands, *size)
