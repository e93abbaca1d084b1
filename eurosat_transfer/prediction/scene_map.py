"""A land-cover map of a scene."""

import contextlib
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import rasterio
from tqdm import tqdm

from eurosat_transfer.data.rendering import Rendering
from eurosat_transfer.errors import UserError
from eurosat_transfer.evaluation.conformal import score_threshold
from eurosat_transfer.io.hashing import sha256
from eurosat_transfer.precision import Precision
from eurosat_transfer.prediction.cells import UNFAMILIAR, UNSURE, label_cells
from eurosat_transfer.prediction.dense_windows import choose_dense
from eurosat_transfer.prediction.inference import Classifier
from eurosat_transfer.prediction.map_files import CLASSES, check_replaceable, write_maps
from eurosat_transfer.prediction.map_files import UNSURE as UNSURE_FILE
from eurosat_transfer.prediction.saved_model import DESCRIPTION_FILE, Description, SavedModel
from eurosat_transfer.prediction.scene_match import check_scene
from eurosat_transfer.prediction.scene_reader import NO_OFFSET, Offset, Scene, open_scene, reduced_shape
from eurosat_transfer.prediction.scene_sample import describe_zeros, sample_scene
from eurosat_transfer.prediction.scene_windows import classify_rows
from eurosat_transfer.prediction.window_grid import Grid, make_grid
from eurosat_transfer.prediction.window_store import WindowStore, work_folder

FORMAT = 1  # of the finished rows; a change of what they mean needs another number
PREVIEW = 1000  # pixels of the longer side
HEADER_BYTES = 2**16  # of a scene that are compared when a map resumes
SQUARE_METRES = 10_000  # per hectare
WEB_MERCATOR = 3857
DENSE_STRIDE = 4  # with a larger stride than a window divided by this, windows are always classified one by one
Dense = Literal["auto", "never"]


class MapOptions(NamedTuple):
    """How a scene is mapped.

    Attributes:
        window: height and width of a window in pixels. None: the height of the training tiles.
        stride: step between windows in pixels. None: half of a window.
        bands: numbers of the bands of red, green and blue, from 1 on. None: as for the training tiles.
        scale: values that become 1 and 255. None: as for the training tiles.
        offset: what is added to the values of red, green and blue before they are scaled.
        nodata: value of pixels without data. None: what the scene says.
        max_nodata: a window with a larger share of pixels without data is left out.
        force: whether to map a scene that does not look like the training tiles.
        precision: of the computation. A processor without bfloat16 computes in float32.
        dense: auto takes the features of most windows from one map of the whole scene, where this is at least twice as
            fast. never classifies all windows one by one.
    """

    window: int | None = None
    stride: int | None = None
    bands: tuple[int, int, int] | None = None
    scale: tuple[float, float] | None = None
    offset: Offset = NO_OFFSET
    nodata: float | None = None
    max_nodata: float = 0.1
    force: bool = False
    precision: Precision = "float32"
    dense: Dense = "auto"


class Preview(NamedTuple):
    """A reduced copy of a map, for a picture.

    Attributes:
        scene: uint8, (height, width, 3), as the classifier sees it. Pixels without data are 0.
        labels: uint8, (height, width). 255 is nodata.
        codes: uint8, (height, width): 0 sure, 1 unsure, 2 unfamiliar, 255 nodata.
        pixel_metres: width of one of these pixels in metres. None: not known, or not the same everywhere.
    """

    scene: np.ndarray
    labels: np.ndarray
    codes: np.ndarray
    pixel_metres: float | None


class MapSummary(NamedTuple):
    """What is on a map.

    Attributes:
        classes: names by label.
        pixels: int64, (classes,), pixels of each class.
        unsure: int64, (classes,), how many of them are unsure, because their prediction set has not exactly one class.
        unfamiliar: int64, (classes,), how many of them do not look like the training images.
        nodata: number of pixels without a class.
        pixel_hectares: area of a pixel. None: not known, or not the same everywhere.
        preview: a reduced copy.
    """

    classes: list[str]
    pixels: np.ndarray
    unsure: np.ndarray
    unfamiliar: np.ndarray
    nodata: int
    pixel_hectares: float | None
    preview: Preview


def map_scene(
    model: SavedModel,
    scene: Path,
    out: Path,
    options: MapOptions,
    coverage: float,
    colours: Sequence[str],
    add_files: Callable[[Path, MapSummary], None] | None = None,
) -> MapSummary:
    """Map a scene: slide a window over it, and classify each place.

    The files of the map are classes.tif, probability.tif and unsure.tif, georeferenced as the scene. Each pixel gets
    the class of its cell, a square of the size of the stride. The probabilities of a cell are the means over the
    windows that contain it as a whole. Its prediction set is computed from these means. The stated coverage holds for
    single images like those of the calibration set. It does not hold for means, nor for windows that show several
    classes, which data sets such as EuroSAT leave out.

    Pixels without data have none in the map either. In a window, they get the colour of the nearest pixel with data.

    The map is made in a hidden folder beside out, with a file for each finished row of windows. An interrupted run
    resumes from these, if model, scene and options are the same.

    Args:
        model: a saved classifier.
        scene: path of a GeoTIFF.
        out: folder of the map. Files of an earlier map are replaced, other files stay. If out has files with the names
            of a map, and they are none, nothing is written.
        options: how to map it.
        coverage: of the prediction sets, above 0 and below 1.
        colours: of the classes as #rrggbb, by label.
        add_files: writes more files into the folder with which it is called, from the summary. They appear in out
            together with the maps.

    Raises:
        UserError: the scene cannot be mapped with these options, it does not look like the training tiles, or all of
            it is nodata.
        OSError: the disk is full.
    """
    description, out = model.description, out.resolve()
    options = complete_options(options, description)
    if out.exists() and not out.is_dir():
        raise UserError(f"{out} is a file; a map needs a folder; choose another path for --map")
    check_replaceable(out, scene)
    score_limit = score_threshold(np.array(description.calibration_scores), coverage)
    with open_scene(scene, Rendering(options.bands, options.scale), options.nodata, options.offset) as opened:
        grid = make_grid(opened.height, opened.width, _known(options.window), _known(options.stride))
        _check(opened, description, options.force)
        classifier = Classifier(model.onnx, tile_size=description.tile_size, precision=options.precision)
        with work_folder(out, _key(model, classifier, scene, opened, options)) as work:
            store = WindowStore(work)
            _classify(model, opened, grid, classifier, store, options)
            rows = label_cells(grid, store.load, len(description.classes), score_limit, description.distance_threshold)
            georeference = {"crs": opened.dataset.crs, "transform": opened.dataset.transform}
            finished = work / "finished"
            finished.mkdir(exist_ok=True)
            counts, nodata = write_maps(finished, rows, grid, description.classes, colours, georeference)
            if not counts.any():
                raise UserError(f"{scene}: every window has too many pixels without data: see nodata and max_nodata")
            summary = MapSummary(
                description.classes,
                counts.sum(axis=1),
                counts[:, UNSURE],
                counts[:, UNFAMILIAR],
                nodata,
                pixel_hectares(opened.dataset),
                _preview(opened, finished),
            )
            if add_files is not None:
                add_files(finished, summary)
            _publish(finished, out)
    return summary


def complete_options(options: MapOptions, description: Description) -> MapOptions:
    """Replace the options that are None by those of a classifier.

    Args:
        options: from the user.
        description: of the classifier.

    Raises:
        UserError: the share of pixels without data is not between 0 and 1.
    """
    if not 0 <= options.max_nodata <= 1:
        raise UserError(f"a share of {options.max_nodata} of nodata pixels is not possible; allowed: 0 to 1")
    window = options.window if options.window is not None else description.tile_size[0]
    stride = options.stride if options.stride is not None else max(1, window // 2)
    return options._replace(
        window=window,
        stride=stride,
        dense="auto" if options.dense == "auto" and stride * DENSE_STRIDE <= window else "never",
        bands=options.bands or description.bands,
        scale=options.scale or description.scale,
    )


def pixel_hectares(dataset: rasterio.DatasetReader) -> float | None:
    """Compute the area of a pixel.

    Args:
        dataset: an open raster.

    Returns:
        Hectares. None without a projected coordinate system, because the area of a pixel in degrees depends on its
        latitude, and for Web Mercator, which shows everything too large: four times at 60 degrees.
    """
    metres = _metres_per_unit(dataset)
    return None if metres is None else abs(dataset.transform.determinant) * metres**2 / SQUARE_METRES


def _metres_per_unit(dataset: rasterio.DatasetReader) -> float | None:
    crs = dataset.crs
    if not crs or not crs.is_projected or crs.to_epsg() == WEB_MERCATOR:
        return None
    return float(crs.linear_units_factor[1])


def _check(scene: Scene, description: Description, force: bool) -> None:
    """Compare a scene with the training tiles, and say what to do about pixels of zeros."""
    sample = sample_scene(scene)
    if not scene.declares_nodata and (line := describe_zeros(sample)):
        print(line)
    try:
        check_scene(sample.histograms, np.array(description.histograms), scene.rendering, sample.values)
    except UserError as error:
        if not force:
            raise
        print(f"going on in spite of this: {error}")


def _key(model: SavedModel, classifier: Classifier, path: Path, scene: Scene, options: MapOptions) -> dict[str, Any]:
    """List everything that finished rows depend on."""
    status = path.stat()
    with path.open("rb") as file:
        header = hashlib.sha256(file.read(HEADER_BYTES)).hexdigest()
    return {
        "format": FORMAT,
        "classifier": classifier.fingerprint(),
        "model": [sha256(model.onnx), sha256(model.onnx.with_name(DESCRIPTION_FILE))],
        "scene": [str(path.resolve()), status.st_size, status.st_mtime_ns, header],
        "options": options._replace(force=False)._asdict() | {"bands": scene.rendering.bands},
    }


def _classify(
    model: SavedModel, scene: Scene, grid: Grid, classifier: Classifier, store: WindowStore, options: MapOptions
) -> None:
    """Classify the rows of windows that are not finished."""
    count, columns = grid.shape
    missing = [row for row in range(count) if not store.has(row)]
    if not missing:
        return
    if len(missing) < count:
        print(f"resuming: {count - len(missing)} of {count} rows of windows are finished")
    dense = None
    if options.dense == "auto":
        dense = choose_dense(model.onnx, scene, grid, options.max_nodata, options.precision)
    bar = tqdm(
        desc="map",
        total=count * columns,
        initial=(count - len(missing)) * columns,
        unit="window",
        mininterval=1,
        disable=None,
    )
    if dense is None:
        contents = classify_rows(scene, grid, missing, classifier, options.max_nodata)
    else:
        contents = dense.classify_rows(missing, classifier, options.max_nodata)
    with bar, contextlib.closing(contents) as rows:
        for row, content in rows:
            store.save(row, content)
            bar.update(columns)


def _preview(scene: Scene, folder: Path) -> Preview:
    shape = reduced_shape(scene.height, scene.width, PREVIEW)
    maps = []
    for name in (CLASSES, UNSURE_FILE):
        with rasterio.open(folder / name) as dataset:
            maps.append(dataset.read(1, out_shape=shape))
    metres = _metres_per_unit(scene.dataset)
    width = None if metres is None else scene.dataset.res[0] * metres * scene.width / shape[1]
    image = scene.read(0, 0, scene.height, scene.width, shape).image
    return Preview(image, maps[0], maps[1], width)


def _publish(finished: Path, out: Path) -> None:
    """Move the files of a map into their folder. Those of an earlier map go first, so that two maps are never mixed."""
    out.mkdir(parents=True, exist_ok=True)
    names = sorted(path.name for path in finished.iterdir())
    for name in names:
        (out / name).unlink(missing_ok=True)
    for name in names:
        (finished / name).replace(out / name)


def _known(value: int | None) -> int:
    assert value is not None  # complete_options sets it
    return value
