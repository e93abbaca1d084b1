"""What a network sees of a tile: an RGB image, or an image of all bands.

An image of all bands is an array in NumPy's own format, because JPEG and PNG have three channels.
"""

import io

import numpy as np

from eurosat_transfer.data.decoding import ImageError, decode_image
from eurosat_transfer.data.rendering import Rendering, Scale

NPY = b"\x93NUMPY"  # the first bytes of NumPy's format


def encode_bands(raster: np.ndarray, scale: Scale | None) -> bytes:
    """Encode an image of all bands, with 8 bits for each.

    Args:
        raster: (height, width, bands), numbers.
        scale: the value that becomes 1 and the value that becomes 255, see Rendering. None: the values are uint8, and
            stay as they are.

    Returns:
        The content of a .npy file: uint8, (height, width, bands).

    Raises:
        RenderingError: the values do not fit the scale.
    """
    rendering = Rendering(scale=scale)
    buffer = io.BytesIO()
    np.save(buffer, rendering.scale_values(np.moveaxis(raster, -1, 0)), allow_pickle=False)
    return buffer.getvalue()


def decode_input(encoded: bytes) -> np.ndarray:
    """Decode what a network sees of a tile. Several threads can decode at a time.

    Args:
        encoded: the content of a JPEG or PNG file, or what encode_bands returned.

    Returns:
        uint8, (height, width, channels). The array is read-only.

    Raises:
        ImageError: the content is damaged.
    """
    if not encoded.startswith(NPY):
        return decode_image(encoded)
    try:
        image = np.load(io.BytesIO(encoded), allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise ImageError(f"the bands are damaged: {error}") from None
    if image.dtype != np.uint8 or image.ndim != 3:
        raise ImageError(f"the bands are {image.dtype} of shape {image.shape}; allowed: uint8, three axes")
    image.flags.writeable = False
    return image
