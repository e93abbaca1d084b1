"""The folder of a map: the map itself, its picture, and the areas of its classes."""

from functools import partial
from pathlib import Path

import numpy as np

from eurosat_transfer.evaluation.areas import estimate_areas
from eurosat_transfer.io.csv_files import write_csv
from eurosat_transfer.prediction.saved_model import Description, SavedModel
from eurosat_transfer.prediction.scene_map import MapOptions, MapSummary, map_scene
from eurosat_transfer.reporting.map_picture import draw_map
from eurosat_transfer.reporting.palette import class_colours

AREAS_FILE, PICTURE_FILE = "areas.csv", "map.png"
AREA_COLUMNS = ("class", "mapped_hectares", "hectares", "low", "high", "share_unsure")
PIXEL_COLUMNS = ("class", "pixels", "share_unsure")


def write_map(
    model: SavedModel, scene: Path, out: Path, options: MapOptions, coverage: float, title: str
) -> MapSummary:
    """Map a scene, draw the map, and estimate the areas of its classes.

    Args:
        model: a saved classifier.
        scene: path of a GeoTIFF.
        out: folder of the map: classes.tif, probability.tif, unsure.tif, map.png, areas.csv.
        options: how to map the scene.
        coverage: of the prediction sets, above 0 and below 1.
        title: of the picture.

    Raises:
        UserError: the scene cannot be mapped with these options, it does not look like the training tiles, or the map
            would replace it.
        OSError: the disk is full.
    """
    add_files = partial(_add_files, description=model.description, title=title)
    return map_scene(model, scene, out, options, coverage, class_colours(model.description.classes), add_files)


def _add_files(folder: Path, summary: MapSummary, description: Description, title: str) -> None:
    preview = summary.preview
    draw_map(
        folder / PICTURE_FILE,
        preview.scene,
        preview.labels,
        preview.codes,
        summary.classes,
        preview.pixel_metres,
        title,
    )
    write_areas(folder / AREAS_FILE, summary, np.array(description.confusion))


def write_areas(path: Path, summary: MapSummary, confusion: np.ndarray) -> None:
    """Write the area of each class, in hectares if the size of a pixel is known.

    Args:
        path: of the CSV file. It has the columns of estimate_areas, or class, pixels and share_unsure.
        summary: of the map.
        confusion: on test, int64, (classes, classes): a row for each actual class.
    """
    doubtful = summary.unsure + summary.unfamiliar
    if summary.pixel_hectares is None:
        shares = (of / pixels if pixels else None for of, pixels in zip(doubtful, summary.pixels, strict=True))
        write_csv(path, PIXEL_COLUMNS, zip(summary.classes, summary.pixels.tolist(), shares, strict=True))
        return
    rows = estimate_areas(summary.classes, summary.pixels, doubtful, summary.pixel_hectares, confusion)
    write_csv(path, AREA_COLUMNS, ([row[column] for column in AREA_COLUMNS] for row in rows))
