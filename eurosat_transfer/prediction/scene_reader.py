"""A scene, read in parts as red, green and blue of 8 bits."""

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import rasterio
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from eurosat_transfer.data.rendering import Rendering, RenderingError
from eurosat_transfer.errors import UserError

Offset = tuple[float, float, float]
NO_OFFSET = (0.0, 0.0, 0.0)

# Of GDAL. The default is 5 % of the memory. A row of blocks must fit in, or each block is decoded several times: for
# 10,980 columns and 10 bands of 16 bits in blocks of 512 rows these are 112 MB.
CACHE_BYTES = 192 * 2**20

# Scenes without a georeference can be mapped too. The filter is set once, because warnings.catch_warnings is not safe
# among threads.
warnings.filterwarnings("ignore", category=NotGeoreferencedWarning)


class Part(NamedTuple):
    """A rectangle of a scene.

    Attributes:
        raw: (3, height, width), values of the bands of red, green and blue.
        image: uint8, (height, width, 3), the same as the classifier sees it. Pixels without data are 0.
        missing: bool, (height, width): the pixels without data.
    """

    raw: np.ndarray
    image: np.ndarray
    missing: np.ndarray


class Scene:
    """An open scene. One thread at a time can read it.

    Attributes:
        dataset: the open file.
        rendering: how its bands become red, green and blue, with the numbers of the bands.
        nodata: value of pixels without data. None: what the file says.
        offset: what is added to the values of red, green and blue before they are scaled.
        height: in pixels.
        width: in pixels.
    """

    def __init__(
        self, dataset: rasterio.DatasetReader, rendering: Rendering, nodata: float | None, offset: Offset = NO_OFFSET
    ):
        """Choose what is read of an open file.

        Args:
            dataset: the file.
            rendering: how its bands become red, green and blue.
            nodata: value of pixels without data. None: what the file says.
            offset: what is added to the values of red, green and blue before they are scaled.

        Raises:
            UserError: the file does not have these bands, or its values cannot be rendered.
        """
        self.dataset, self.nodata, self.offset = dataset, nodata, offset
        self.height, self.width = dataset.height, dataset.width
        kinds = dataset.colorinterp
        if dataset.dtypes[0].startswith("complex") or ColorInterp.palette in kinds:
            found = "a colour table" if ColorInterp.palette in kinds else f"{dataset.dtypes[0]} values"
            raise UserError(f"{dataset.name} has {found}; allowed: integers and floating-point numbers of a sensor")
        with self._named_errors():
            self._bands = rendering.choose_bands(dataset.count, alpha=kinds[-1] == ColorInterp.alpha)
        self.rendering = replace(rendering, bands=self._bands)
        self._has_mask = any(MaskFlags.all_valid not in dataset.mask_flag_enums[band - 1] for band in self._bands)
        self._tables: np.ndarray | None = None  # (65536, 3)
        if dataset.dtypes[0] == "uint16" and rendering.scale is not None:  # ten times as fast as arithmetic
            levels = np.arange(2**16, dtype=np.uint16).reshape(1, 1, -1)
            self._tables = self.rendering.scale_values(self.add_offset(np.repeat(levels, 3, axis=0)))[0]

    @property
    def declares_nodata(self) -> bool:
        """Whether the file or the user says which pixels have no data."""
        return self.nodata is not None or self._has_mask

    def read(self, top: int, left: int, height: int, width: int, shape: tuple[int, int] | None = None) -> Part:
        """Read a rectangle.

        A pixel has no data if none of its three values is data: a single zero can be a dark pixel, as of water. NaN and
        infinity are never data.

        Args:
            top: first row.
            left: first column.
            height: number of rows.
            width: number of columns.
            shape: height and width of a reduced copy. None: not reduced.

        Raises:
            UserError: the file is damaged, or its values cannot be rendered.
        """
        window, out_shape = Window(left, top, width, height), (3, *(shape or (height, width)))
        try:
            raw = self.dataset.read(self._bands, window=window, out_shape=out_shape)
            if self.nodata is None and self._has_mask:
                masks = self.dataset.read_masks(self._bands, window=window, out_shape=out_shape)
                missing = (masks == 0).all(axis=0)
            else:
                missing = _equals(raw, self.nodata).all(axis=0)
        except RasterioError as error:
            reason = _reason(error.__cause__ or error)
            raise UserError(f"{self.dataset.name} cannot be read at row {top}: {reason}; get it again") from None
        if raw.dtype.kind == "f":
            missing |= ~np.isfinite(raw).all(axis=0)
        return Part(raw, self._render(raw, missing), missing)

    def _render(self, raw: np.ndarray, missing: np.ndarray) -> np.ndarray:
        if self._tables is None:
            with self._named_errors():
                return self.rendering.scale_values(self.add_offset(raw), missing)
        image = np.empty((*missing.shape, 3), np.uint8)
        for channel, values in enumerate(raw):
            image[..., channel] = self._tables[values, channel]
        image[missing] = 0
        return image

    def add_offset(self, raw: np.ndarray) -> np.ndarray:
        """Add the offset to values of red, green and blue, (3, height, width)."""
        return raw if self.offset == NO_OFFSET else raw + np.array(self.offset)[:, None, None]

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except RenderingError as error:
            example = ",".join(f"{number:g}" for number in error.example)
            raise UserError(
                f"{self.dataset.name} {error}; use --{error.option}, for example --{error.option} {example}"
            ) from None


@contextmanager
def open_scene(
    path: Path, rendering: Rendering, nodata: float | None = None, offset: Offset = NO_OFFSET
) -> Iterator[Scene]:
    """Open a scene.

    Args:
        path: of a GeoTIFF, or of another raster that GDAL reads.
        rendering: how its bands become red, green and blue.
        nodata: value of pixels without data. None: what the file says.
        offset: what is added to the values of red, green and blue before they are scaled.

    Raises:
        UserError: the file is no raster, or it does not have the bands.
    """
    with rasterio.Env(GDAL_CACHEMAX=CACHE_BYTES):
        try:
            dataset = rasterio.open(path)
        except RasterioError as error:
            raise UserError(
                f"{path} is not a readable raster: {_reason(error)}; allowed: a GeoTIFF, or another raster that GDAL "
                "reads"
            ) from None
        with dataset:
            if not dataset.count:
                raise UserError(f"{path} has no bands of its own; name one of its parts: {dataset.subdatasets[:1]}")
            yield Scene(dataset, rendering, nodata, offset)


def reduced_shape(height: int, width: int, longest: int) -> tuple[int, int]:
    """Compute the height and width of a reduced copy whose longer side has at most so many pixels."""
    factor = max(1, math.ceil(max(height, width) / longest))
    return math.ceil(height / factor), math.ceil(width / factor)


def _equals(raw: np.ndarray, nodata: float | None) -> np.ndarray:
    if nodata is None:
        return np.zeros(raw.shape, bool)
    return np.isnan(raw) if math.isnan(nodata) else raw == nodata


def _reason(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]
