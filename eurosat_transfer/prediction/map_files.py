"""The GeoTIFF files of a map."""

import contextlib
import errno
import os
import shutil
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
import rasterio
import rasterio.shutil
from rasterio.errors import RasterioError
from rasterio.windows import Window

from eurosat_transfer.errors import UserError
from eurosat_transfer.prediction.cells import NODATA, CellRow
from eurosat_transfer.prediction.window_grid import Grid

CLASSES, PROBABILITY, UNSURE = "classes.tif", "probability.tif", "unsure.tif"
NAMES = (CLASSES, PROBABILITY, UNSURE, f"{CLASSES}.aux.xml", f"{UNSURE}.aux.xml", "map.png", "areas.csv")
CODES = ("sure", "unsure", "unfamiliar")
CODE_COLOURS = ("#d9d9d9", "#f28e2b", "#7b3294")
BLOCK = 512  # rows and columns of a block
LITTLE_ROOM = 16 * 2**20  # bytes; GDAL does not say that a disk is full


def check_replaceable(folder: Path, scene: Path) -> None:
    """Check that a map would replace nothing in a folder but an earlier map.

    Args:
        folder: of the map.
        scene: path of the scene.

    Raises:
        UserError: the folder has files with the names of a map, and is none, or one of them is the scene.
    """
    present = [folder / name for name in NAMES if (folder / name).exists()]
    if scene.resolve() in [path.resolve() for path in present]:
        raise UserError(f"{folder}: the map would replace the scene {scene}; choose another folder for the map")
    if present and not any(map(_is_ours, present)):
        raise UserError(
            f"{folder}: {present[0].name} exists and is not of an earlier map; choose another folder for the map, or "
            "move that file"
        )


def _is_ours(path: Path) -> bool:
    """Tell whether a file is part of a map, by what only maps have."""
    if path.suffix == ".csv":
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.readline(1000).startswith("class,")
    if path.suffix != ".tif":
        return False
    try:
        with rasterio.open(path) as dataset:
            return bool(dataset.descriptions == (path.stem,))
    except RasterioError:
        return False


def write_maps(
    folder: Path,
    rows: Iterable[CellRow],
    grid: Grid,
    classes: Sequence[str],
    colours: Sequence[str],
    georeference: dict[str, Any],
) -> tuple[np.ndarray, int]:
    """Write classes.tif, probability.tif and unsure.tif as Cloud-Optimized GeoTIFF.

    classes.tif and unsure.tif have a colour table and the names of their values: as tags CLASS_0, CLASS_1, ... of the
    band, and as GDAL's category names in a file beside them, because TIFF has no place for these.

    Args:
        folder: where to write them.
        rows: the cells, from top to bottom.
        grid: the windows.
        classes: names by label.
        colours: of the classes as #rrggbb, by label.
        georeference: crs and transform of the scene.

    Returns:
        int64, (classes, codes): the number of pixels of each class by code, and the number of pixels of nodata.

    Raises:
        OSError: the disk is full.
    """
    names = {CLASSES: (classes, colours), UNSURE: (CODES, CODE_COLOURS)}
    drafts = {name: folder / f"draft-{name}" for name in (CLASSES, PROBABILITY, UNSURE)}
    checksums = dict.fromkeys(drafts, 0)
    counts, nodata, top = np.zeros(len(classes) * len(CODES), np.int64), 0, 0
    with _named_errors(folder):
        with contextlib.ExitStack() as stack:
            files = {}
            for name, path in drafts.items():
                profile = _draft_profile(grid, np.float32 if name == PROBABILITY else np.uint8) | georeference
                files[name] = stack.enter_context(rasterio.open(path, "w", **profile))
                files[name].set_band_description(1, Path(name).stem)
                if name in names:
                    files[name].write_colormap(1, _colour_table(names[name][1]))
                    files[name].update_tags(1, **{f"CLASS_{value}": text for value, text in enumerate(names[name][0])})
            for labels, probabilities, codes in _blocks(rows, grid):
                for name, values in ((CLASSES, labels), (PROBABILITY, probabilities), (UNSURE, codes)):
                    files[name].write(values, 1, window=Window(0, top, *values.shape[::-1]))
                    checksums[name] = zlib.crc32(values.tobytes(), checksums[name])
                top += len(labels)
                data = labels != NODATA
                joined = labels[data].astype(np.int64) * len(CODES) + codes[data]
                counts += np.bincount(joined, minlength=len(counts))
                nodata += int((~data).sum())
        for name, draft in drafts.items():
            resampling = {"overview_resampling": "average" if name == PROBABILITY else "mode"}
            rasterio.shutil.copy(draft, folder / name, driver="COG", blocksize=BLOCK, compress="deflate", **resampling)
            _check_written(folder / name, checksums[name])
            draft.unlink()
            if name in names:
                _write_categories(folder / f"{name}.aux.xml", names[name][0])
    return counts.reshape(len(classes), len(CODES)), nodata


def _check_written(path: Path, checksum: int) -> None:
    """Read a file back, because GDAL closes a file on a full disk without an error.

    Raises:
        OSError: the file does not have the values that were written.
    """
    found = 0
    with rasterio.open(path) as dataset:
        levels = len(dataset.overviews(1))
        for top in range(0, dataset.height, BLOCK):
            window = Window(0, top, dataset.width, min(BLOCK, dataset.height - top))
            found = zlib.crc32(dataset.read(1, window=window).tobytes(), found)
    for level in range(levels):
        with rasterio.open(path, overview_level=level) as dataset:
            for _, window in dataset.block_windows(1):
                dataset.read(1, window=window)
    if found != checksum:
        raise _os_error("the values differ from those that were written", path)


@contextlib.contextmanager
def _named_errors(folder: Path) -> Iterator[None]:
    """Raise an OSError with an error number for GDAL's errors, which have none.

    Raises:
        OSError: GDAL cannot write.
    """
    try:
        yield
    except Exception as error:
        # rasterio passes some of GDAL's errors on as classes that it does not export.
        if type(error).__module__.partition(".")[0] != "rasterio":
            raise
        raise _os_error(" ".join(str(error).split()), folder) from error


def _os_error(reason: str, path: Path) -> OSError:
    if shutil.disk_usage(path.parent).free < LITTLE_ROOM:
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    return OSError(errno.EIO, f"{os.strerror(errno.EIO)} ({reason})", str(path))


def _draft_profile(grid: Grid, dtype: type) -> dict[str, Any]:
    """Describe a plain GeoTIFF, because a Cloud-Optimized GeoTIFF can only be written in one piece."""
    return {
        "driver": "GTiff",
        "height": grid.rows.length,
        "width": grid.columns.length,
        "count": 1,
        "dtype": dtype,
        "nodata": np.nan if dtype is np.float32 else NODATA,
        "tiled": True,
        "blockxsize": BLOCK,
        "blockysize": BLOCK,
        "compress": "deflate",
        "zlevel": 1,
        "bigtiff": "if_safer",
    }


def _blocks(rows: Iterable[CellRow], grid: Grid) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Draw cells as pixels, and yield them in rows of whole blocks: labels, probabilities and codes."""
    widths = np.diff(grid.columns.edges)
    waiting: list[tuple[np.ndarray, ...]] = []
    count = 0
    for row in rows:
        drawn = []
        for values, nodata in ((row.labels, NODATA), (row.probabilities, np.nan), (row.codes, NODATA)):
            pixels = np.repeat(np.repeat(values, widths)[None], len(row.missing), axis=0)
            pixels[row.missing] = nodata
            drawn.append(pixels)
        waiting.append(tuple(drawn))
        count += len(row.missing)
        if count >= BLOCK:
            joined = [np.concatenate(columns) for columns in zip(*waiting, strict=True)]
            whole = count // BLOCK * BLOCK
            for top in range(0, whole, BLOCK):
                labels, probabilities, codes = (pixels[top : top + BLOCK] for pixels in joined)
                yield labels, probabilities, codes
            waiting, count = [tuple(pixels[whole:] for pixels in joined)], count - whole
    if count:
        labels, probabilities, codes = (np.concatenate(columns) for columns in zip(*waiting, strict=True))
        yield labels, probabilities, codes


def _colour_table(colours: Sequence[str]) -> dict[int, tuple[int, ...]]:
    opaque = {value: (*bytes.fromhex(colour[1:]), 255) for value, colour in enumerate(colours)}
    return opaque | {NODATA: (0, 0, 0, 0)}


def _write_categories(path: Path, names: Sequence[str]) -> None:
    """Write GDAL's category names, which QGIS shows in the legend."""
    categories = "".join(f"      <Category>{escape(name)}</Category>\n" for name in names)
    path.write_text(
        f'<PAMDataset>\n  <PAMRasterBand band="1">\n    <CategoryNames>\n{categories}    </CategoryNames>\n'
        "  </PAMRasterBand>\n</PAMDataset>\n",
        encoding="utf-8",
    )
