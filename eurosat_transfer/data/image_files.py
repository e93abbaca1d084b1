"""Image files from outside, checked before anything uses them."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from PIL import Image

from eurosat_transfer.data.decoding import (
    ImageError,
    decode_opened,
    has_16_bits,
    open_image,
    read_orientation,
    turn_upright,
)
from eurosat_transfer.data.rasters import BandLayout, decode_raster, find_nodata, is_tiff, read_bands
from eurosat_transfer.data.rendering import Rendering, RenderingError
from eurosat_transfer.errors import UserError

MAX_FILE_BYTES = 64 * 2**20  # of one image file, also after unpacking it from a zip file
SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")  # of JPEG and PNG, for Pillow too


class RenderingMismatchError(UserError):
    """An image is sound, and does not fit the choice of bands and the scale."""


def read_rgb(encoded: bytes, rendering: Rendering) -> np.ndarray:
    """Decode an image of any format and depth, and render it as an 8-bit RGB image.

    Several threads can decode at a time.

    Args:
        encoded: the content of a JPEG, PNG or GeoTIFF file.
        rendering: how the image becomes an RGB image. The bands of a JPEG or 8-bit PNG file are red, green and blue.

    Returns:
        uint8, (height, width, 3), RGB, upright.

    Raises:
        ImageError: the file is not an image, is truncated, or is too large.
        RenderingError: the image does not fit the rendering.
    """
    if is_tiff(encoded):
        return decode_raster(encoded, rendering)
    if not encoded.startswith(SIGNATURES):
        raise ImageError("neither JPEG, PNG nor GeoTIFF")
    header = open_image(encoded)
    if header.width * header.height > (Image.MAX_IMAGE_PIXELS or 0):
        raise ImageError(f"it has {header.width * header.height} pixels; allowed: {Image.MAX_IMAGE_PIXELS}")
    if has_16_bits(header):
        rendered = Image.fromarray(decode_raster(encoded, rendering))
        return np.asarray(turn_upright(rendered, read_orientation(header)))
    pixels = decode_opened(header)
    return pixels if rendering.keeps_rgb else rendering.apply(np.moveaxis(pixels, -1, 0))


def to_rgb(encoded: bytes, name: str, rendering: Rendering | None = None) -> bytes:
    """Check that an image decodes, and convert it to 8-bit RGB.

    A JPEG file that is RGB already keeps its bytes, unless the rendering changes it. Everything else becomes an upright
    PNG file without an alpha channel.

    Args:
        encoded: the content of a JPEG, PNG or GeoTIFF file.
        name: of the file, for error messages.
        rendering: how the image becomes an RGB image. None: without a choice of bands, and without a scale.

    Returns:
        The content of a JPEG or PNG file.

    Raises:
        UserError: the file is not an image, is truncated, or is too large.
        RenderingMismatchError: it does not fit the rendering.
    """
    rendering = rendering or Rendering()
    with _naming(name):
        pixels = read_rgb(encoded, rendering)
    if rendering.keeps_rgb and not is_tiff(encoded):
        header = open_image(encoded)
        if header.format == "JPEG" and header.mode == "RGB":
            return encoded
    return _to_png(pixels)


def to_rgb_and_bands(encoded: bytes, name: str, rendering: Rendering, layout: BandLayout) -> tuple[bytes, np.ndarray]:
    """Read all bands of a GeoTIFF file, and convert three of them to an 8-bit RGB image.

    Args:
        encoded: the content of the file.
        name: of the file, for error messages.
        rendering: how three of the bands become an RGB image.
        layout: the bands that the file must have.

    Returns:
        The content of a PNG file, and the values of all bands, (height, width, bands), as they are stored.

    Raises:
        UserError: the file is not a GeoTIFF file, is damaged or too large, or has other bands.
        RenderingMismatchError: it does not fit the rendering.
    """
    with _naming(name):
        if not is_tiff(encoded):
            raise ImageError(f"not a GeoTIFF file; the other files have {len(layout.names)} bands")
        raster, found, nodata = read_bands(encoded)
        if (len(found.names), found.dtype) != (len(layout.names), layout.dtype):
            raise ImageError(
                f"it has {len(found.names)} bands of {found.dtype}; allowed: {len(layout.names)} of {layout.dtype}"
            )
        chosen = raster[np.array(rendering.choose_bands(len(raster))) - 1]
        pixels = rendering.scale_values(chosen, find_nodata(chosen, nodata))
    return _to_png(pixels), np.ascontiguousarray(np.moveaxis(raster, 0, -1))


def render_bands(raster: np.ndarray, name: str, rendering: Rendering) -> bytes:
    """Convert three bands of an array to an 8-bit RGB image.

    Args:
        raster: (height, width, bands), numbers.
        name: of the tile, for error messages.
        rendering: how three of the bands become an RGB image.

    Returns:
        The content of a PNG file.

    Raises:
        RenderingMismatchError: the array does not fit the rendering.
    """
    with _naming(name):
        return _to_png(rendering.apply(np.moveaxis(raster, -1, 0)))


@contextmanager
def _naming(name: str) -> Iterator[None]:
    """Let an error about an image name its file, and refuse images that Pillow finds suspiciously large."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    except ImageError as error:
        raise UserError(f"{name} is not a readable image: {error}") from None
    except RenderingError as error:
        example = f"data.{error.option}=[{','.join(f'{number:g}' for number in error.example)}]"
        raise RenderingMismatchError(f"{name} {error}; set data.{error.option}, for example {example}") from None


def _to_png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
