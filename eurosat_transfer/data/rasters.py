"""The decoder of GeoTIFF files, which reads PNG files of 16 bits too.

Pillow reads neither: it keeps the high byte of a 16-bit RGB image only, and it knows no image of 13 bands.
"""

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import rasterio
from PIL import Image
from rasterio.enums import ColorInterp, PhotometricInterp
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader, MemoryFile
from rasterio.warp import transform

from eurosat_transfer.data.band_names import number_names, tidy_name
from eurosat_transfer.data.decoding import ImageError
from eurosat_transfer.data.rendering import Rendering

EQUAL_AREA = "EPSG:6933"  # a cylindrical projection of the whole Earth, in metres
TIFF_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # the last two: BigTIFF
MAX_RASTER_BYTES = 256 * 2**20  # of all bands, unpacked; GDAL unpacks whole blocks, with all bands

# Colours that GDAL converts to wrong RGB values. It converts CMYK rightly.
NO_RGB = (PhotometricInterp.cielab, PhotometricInterp.icclab, PhotometricInterp.itulab)

# Tiles need no georeference. The filter is set once, because warnings.catch_warnings is not safe among threads.
warnings.filterwarnings("ignore", category=NotGeoreferencedWarning)

# GDAL looks for files beside the one that it opens. There are none beside a file in memory.
ALONE = {"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR", "GDAL_PAM_ENABLED": "NO"}


class BandLayout(NamedTuple):
    """What all tiles of a data set must have in common, so that their bands can be compared.

    Attributes:
        names: of the bands, in their order in the file. A file that does not describe its bands gives "1", "2" and so
            on.
        dtype: the type of the values.
    """

    names: tuple[str, ...]
    dtype: str


def is_tiff(encoded: bytes) -> bool:
    """Tell whether the content of a file begins like that of a TIFF file."""
    return encoded.startswith(TIFF_SIGNATURES)


def decode_raster(encoded: bytes, rendering: Rendering) -> np.ndarray:
    """Decode a GeoTIFF file, or a PNG file, and render it as an 8-bit RGB image.

    No other file is opened, whatever the file names: GDAL may use the driver of this format only, and this function
    asks for neither overviews nor masks, which a GeoTIFF file can have in another file or at an address.

    A palette is applied before the bands are chosen. The values are those that are stored: GDAL's tags for a scale and
    an offset are ignored.

    Args:
        encoded: the content of the file.
        rendering: how the raster becomes an RGB image.

    Returns:
        uint8, (height, width, 3), RGB. Pixels whose three bands all have the declared nodata value are 0.

    Raises:
        ImageError: the file is damaged, has several pages, is too large, or has complex numbers.
        RenderingError: the raster does not fit the rendering.
    """
    with _open(encoded) as dataset:
        return _render(dataset, rendering)


def read_layout(encoded: bytes) -> BandLayout:
    """Read the names and the type of the bands of a GeoTIFF file, and no pixels.

    Args:
        encoded: the content of the file.

    Raises:
        ImageError: as for decode_raster.
    """
    with _open(encoded) as dataset:
        return _layout(dataset)


def read_bands(encoded: bytes) -> tuple[np.ndarray, BandLayout, float | None]:
    """Read all bands of a GeoTIFF file.

    Args:
        encoded: the content of the file.

    Returns:
        (bands, height, width), the values as they are stored; the names and the type of the bands; and the nodata value
        that the file declares, or None.

    Raises:
        ImageError: as for decode_raster.
    """
    with _open(encoded) as dataset:
        return dataset.read(), _layout(dataset), dataset.nodata


def read_centre(encoded: bytes) -> tuple[int, int] | None:
    """Read where the centre of a GeoTIFF file is on the ground, and no pixels.

    Args:
        encoded: the content of the file.

    Returns:
        Whole metres to the east and to the north in EPSG:6933, whose squares have the same area everywhere. None: the
        file has no coordinates.

    Raises:
        ImageError: as for decode_raster.
    """
    with _open(encoded) as dataset:
        if not dataset.crs:
            return None
        x, y = dataset.xy(dataset.height / 2, dataset.width / 2, offset="ul")
        (east,), (north,) = transform(dataset.crs, EQUAL_AREA, [x], [y])
    return (round(east), round(north)) if math.isfinite(east) and math.isfinite(north) else None


@contextmanager
def _open(encoded: bytes) -> Iterator[DatasetReader]:
    """Open a GeoTIFF or PNG file in memory, and raise ImageError for everything that is wrong with it."""
    driver = "GTiff" if is_tiff(encoded) else "PNG"
    try:
        with rasterio.Env(**ALONE), MemoryFile(encoded, filename="image") as memory:
            try:
                with memory.open(driver=driver) as dataset:
                    _check(dataset)
                    yield dataset
            except RasterioError as error:
                text = " ".join(str(error.__cause__ or error).replace(memory.name, "image").split())
                raise ImageError(describe_failure(text)) from None
    except (MemoryError, UnicodeError, OverflowError) as error:
        raise ImageError(f"damaged: {error}") from None


def _layout(dataset: DatasetReader) -> BandLayout:
    described = tuple(tidy_name(text or "") for text in dataset.descriptions)
    named = all(described) and len(set(described)) == len(described)
    return BandLayout(described if named else number_names(dataset.count), dataset.dtypes[0])


def describe_failure(text: str) -> str:
    """Describe why GDAL could not read a file: it lacks the decoder, or the file is damaged.

    Args:
        text: what GDAL says.
    """
    if "missing codec" in text:
        return f"its compression has no decoder here ({text}); save it with `gdal_translate -co COMPRESS=DEFLATE`"
    return f"damaged or truncated: {text}"


def find_nodata(chosen: np.ndarray, nodata: float | None) -> np.ndarray | None:
    """Find the pixels that have no data: those in which all bands have the nodata value.

    Args:
        chosen: (bands, height, width).
        nodata: the value. None: every pixel has data.

    Returns:
        Boolean, (height, width), or None if every pixel has data. NaN needs no such mask, see Rendering.apply.
    """
    return None if nodata is None else (chosen == nodata).all(axis=0)


def _check(dataset: DatasetReader) -> None:
    """Refuse a raster before its pixels are read."""
    if len(dataset.subdatasets) > 1:
        raise ImageError(f"it has {len(dataset.subdatasets)} pages; allowed: 1")
    dtype = dataset.dtypes[0]  # all bands of a TIFF or PNG file have the same
    if dtype.startswith("complex"):
        raise ImageError(f"its values are {dtype}; allowed: integers and floating-point numbers")
    pixels = dataset.width * dataset.height
    if pixels > (Image.MAX_IMAGE_PIXELS or pixels):
        raise ImageError(f"it has {pixels} pixels; allowed: {Image.MAX_IMAGE_PIXELS}")
    block_height, block_width = dataset.block_shapes[0]
    size = max(pixels, block_height * block_width) * dataset.count * np.dtype(dtype).itemsize
    if size > MAX_RASTER_BYTES:
        raise ImageError(f"it unpacks to {size} bytes; allowed: {MAX_RASTER_BYTES}")


def _render(dataset: DatasetReader, rendering: Rendering) -> np.ndarray:
    kinds = dataset.colorinterp
    if dataset.photometric in NO_RGB:
        raise ImageError(f"its colours are {dataset.photometric.value}; save it as RGB or as separate bands")
    if kinds == (ColorInterp.palette,):
        numbers = dataset.read(1)
        return rendering.apply(_coloured(dataset, numbers), find_nodata(numbers[None], dataset.nodata))
    bands = rendering.choose_bands(dataset.count, alpha=kinds[-1] == ColorInterp.alpha)
    chosen = dataset.read(bands)
    return rendering.scale_values(chosen, find_nodata(chosen, dataset.nodata))


def _coloured(dataset: DatasetReader, numbers: np.ndarray) -> np.ndarray:
    """Return the colours of a palette image as uint8, (3, height, width). Numbers without a colour become black."""
    table = np.zeros((np.iinfo(numbers.dtype).max + 1, 3), np.uint8)
    for number, colour in dataset.colormap(1).items():
        table[number] = colour[:3]
    return np.moveaxis(table[numbers], -1, 0)
