"""Land cover in a real scene of 10 bands, from the statistics of the bands.

EUROSAT_SCENE names a GeoTIFF of Sentinel-2, and aberystwyth_polygons.gpkg beside it has polygons of four classes. A
tile is cut around the middle of each polygon. A tile is classified by the tiles of all other polygons.
"""

import os
import sqlite3
import struct
from pathlib import Path

import numpy as np
import pytest
import rasterio
from data.image_archives import prepared
from geotiffs import raster_file
from rasterio.features import rasterize

from eurosat_transfer.data.band_statistics import band_statistics, statistic_names
from eurosat_transfer.data.dataset import TileDataset
from eurosat_transfer.features.blocks import scale_blocks
from eurosat_transfer.features.feature_set import Block, FeatureSet
from eurosat_transfer.models.svm import fit_calibrated_svm

SCENE = Path(os.environ.get("EUROSAT_SCENE", ""))
POLYGONS = SCENE.with_name("aberystwyth_polygons.gpkg") if SCENE.name else SCENE
pytestmark = [
    pytest.mark.eurosat,
    pytest.mark.skipif(not POLYGONS.is_file(), reason="EUROSAT_SCENE does not name the real scene with its polygons"),
]

NAMES = ("B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B11", "B12")  # as programs write them, without zeros
CLASSES = ["forest", "grass", "urban", "water"]
SIDE = 16  # pixels; many of the polygons are not larger


def outline(blob: bytes) -> list[tuple[float, float]]:
    """Read the outer ring of a polygon of a GeoPackage: a header, a bounding box, and well-known binary."""
    box = {0: 0, 1: 32, 2: 48, 3: 48, 4: 64}[blob[3] >> 1 & 7]
    order = "<" if blob[8 + box] else ">"
    kind, _, points = struct.unpack_from(f"{order}III", blob, 9 + box)
    assert kind == 3
    values = struct.unpack_from(f"{order}{2 * points}d", blob, 21 + box)
    return list(zip(values[::2], values[1::2], strict=True))


def cut_tiles(names: tuple[str, ...], folder: Path) -> None:
    """Write a GeoTIFF file for each polygon to the folder of its class, with the names of the bands."""
    with rasterio.open(SCENE) as scene, sqlite3.connect(f"{POLYGONS.as_uri()}?mode=ro", uri=True) as polygons:
        values = scene.read()
        for label in CLASSES:
            (folder / label).mkdir(parents=True)
            rows = polygons.execute(f"SELECT fid, geom FROM cls_{label}_smpls ORDER BY fid").fetchall()
            for number, blob in rows:
                shape = {"type": "Polygon", "coordinates": [outline(blob)]}
                inside = np.argwhere(rasterize([shape], scene.shape, transform=scene.transform, all_touched=True))
                middle = inside[((inside - inside.mean(axis=0)) ** 2).sum(axis=1).argmin()]
                top, left = np.clip(middle - SIDE // 2, 0, np.array(scene.shape) - SIDE)
                tile = values[:, top : top + SIDE, left : left + SIDE]

                def name(dataset, names=names):
                    dataset.descriptions = names

                (folder / label / f"{label}_{number}.tif").write_bytes(raster_file(tile, finish=name))


def measure(dataset: TileDataset, names: tuple[str, ...] | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Compute the statistics of the bands, or of some of them, with the labels."""
    chosen = [dataset.band_names.index(name) for name in names or dataset.band_names]
    kept = [dataset.band_names[place] for place in chosen]
    X = np.stack([band_statistics(dataset.read_bands(index)[..., chosen], kept) for index in range(len(dataset))])
    return X, np.array([tile.label for tile in dataset])


def accuracy(X: np.ndarray, y: np.ndarray) -> float:
    correct = []
    for row in range(len(y)):
        others = np.arange(len(y)) != row
        split = {"train": X[others], "test": X[[row]]}
        scaled = scale_blocks(FeatureSet(split, {}, CLASSES, blocks=(Block(X.shape[1], True),))).X
        machine, _ = fit_calibrated_svm(scaled["train"], y[others], "rbf", 10.0)
        correct.append(machine.machine.predict(scaled["test"])[0] == y[row])
    return float(np.mean(correct))


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scene")
    cut_tiles(NAMES, folder / "tiles")
    return prepared(
        folder / "dataset", name="folder", path=str(folder / "tiles"), bands=["B04", "B03", "B02"], scale=[0, 275]
    )


def test_indices_are_those_of_the_land_cover(dataset):
    """Wrong names of bands give other indices: plants reflect infrared light, and water absorbs it."""
    X, y = measure(dataset)
    names = statistic_names(dataset.band_names)
    ndvi, ndwi, ndbi = (X[:, names.index(f"{index} mean")] for index in ("NDVI", "NDWI", "NDBI"))
    forest, grass, urban, water = (y == label for label in range(4))
    assert np.median(ndvi[forest | grass]) > 0.6
    assert np.median(ndvi[urban]) < 0.5
    assert np.median(ndvi[water]) < 0.1
    assert np.median(ndwi[water]) > 0 > np.median(ndwi[~water])
    assert np.median(ndbi[urban]) > np.median(ndbi[forest | grass]) + 0.1


def test_bands_tell_land_cover_apart_better_than_rgb(dataset):
    every, rgb = accuracy(*measure(dataset)), accuracy(*measure(dataset, ("B04", "B03", "B02")))
    print(f"10 bands: {every:.3f}, RGB: {rgb:.3f}")
    assert every >= 0.92
    assert rgb >= 0.7
    assert every >= rgb + 0.05
