"""Small scenes, and maps of them by the tiny model of small_model."""

from pathlib import Path

import numpy as np
import rasterio
from prediction.small_model import write_model

from eurosat_transfer.prediction.saved_model import load_model
from eurosat_transfer.prediction.scene_map import MapOptions, MapSummary, map_scene

CRS = "EPSG:32630"
TRANSFORM = rasterio.Affine(10, 0, 500_000, 0, -10, 5_800_000)
COLOURS = ["#ff0000", "#00ff00", "#0000ff"]
RED, GREEN, BLUE = (200, 20, 20), (20, 200, 20), (20, 20, 200)
FILES = ["classes.tif", "classes.tif.aux.xml", "probability.tif", "unsure.tif", "unsure.tif.aux.xml"]


def write_scene(path: Path, image: np.ndarray, **profile) -> Path:
    """Write an image, (height, width, bands), with pixels of 10 m unless the profile says otherwise."""
    height, width, count = image.shape
    size = {"driver": "GTiff", "height": height, "width": width, "count": count, "dtype": image.dtype}
    with rasterio.open(path, "w", **size | {"crs": CRS, "transform": TRANSFORM} | profile) as file:
        file.write(np.moveaxis(image, -1, 0))
    return path


def plain(colour: tuple[int, int, int], height: int, width: int) -> np.ndarray:
    """Make an image of one colour."""
    return np.full((height, width, 3), colour, np.uint8)


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Make an image of squares of random colours, so that the windows of a scene differ."""
    squares = np.random.default_rng(seed).integers(1, 256, (height // 7 + 1, width // 7 + 1, 3), np.uint8)
    return np.repeat(np.repeat(squares, 7, axis=0), 7, axis=1)[:height, :width]


def map_small(folder: Path, scene: Path, out: str = "out", **options) -> MapSummary:
    """Map a scene into folder/out by the tiny model in folder/model."""
    if not (folder / "model").exists():
        write_model(folder / "model")
    add_files, coverage = options.pop("add_files", None), options.pop("coverage", 0.9)
    options = MapOptions(**{"force": True} | options)
    return map_scene(load_model(folder / "model"), scene, folder / out, options, coverage, COLOURS, add_files)


def read(path: Path) -> np.ndarray:
    """Read the first band of a raster."""
    with rasterio.open(path) as file:
        return file.read(1)


def contents(folder: Path) -> dict[str, bytes]:
    """Read all files of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}
