"""Made tiles of 13 bands, in GeoTIFF files with the header of EuroSAT's published tiles."""

from pathlib import Path

import numpy as np
from geotiffs import raster_file
from rasterio.transform import from_origin

CLASSES = ("Forest", "River", "SeaLake")
NEAR_INFRARED, LAST = 7, 12  # positions of B08 and B8A in the files


def published_tile(raster: np.ndarray) -> bytes:
    """Encode a raster like EuroSAT: pixel by pixel, not compressed, UTM, without names of the bands."""
    transform = from_origin(600000, 5700000, 10, 10)
    return raster_file(raster, interleave="pixel", crs="EPSG:32632", transform=transform)


def ms_tree(folder: Path, tiles: int = 8, side: int = 64) -> Path:
    """Write tiles of three classes, which differ in the near infrared only. Each band has values of its own."""
    for label, name in enumerate(CLASSES):
        (folder / name).mkdir(parents=True)
        for number in range(1, tiles + 1):
            noise = np.random.default_rng([label, number]).normal(0, 50, (13, side, side))
            raster = noise + 500 + 100 * np.arange(13)[:, None, None]
            raster[NEAR_INFRARED] += 800 * label
            tile = published_tile(raster.clip(0, 10000).astype(np.uint16))
            (folder / name / f"{name}_{number}.tif").write_bytes(tile)
    return folder
