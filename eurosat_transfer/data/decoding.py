"""The decoder of image files, the same for networks, raw pixels, pictures and the report.

Pillow decodes. TensorFlow's decoder ignores EXIF orientation, and by default its fast inverse DCT differs from that of
Pillow by up to 6 of 255 grey levels. So TensorFlow decodes no image of a data set.
"""

import io
import struct

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError
from PIL.ImageFile import ImageFile

FORMATS = ("JPEG", "PNG")
MODES = ("L", "LA", "P", "RGB", "RGBA", "1", "CMYK")  # 8 bits per channel: Pillow converts them to RGB without loss
UPRIGHT = {  # what turns an image upright, by its EXIF orientation; 1 is upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
UNREADABLE = (  # what Pillow raises for damaged images, and for images that are too large
    OSError,
    SyntaxError,
    ValueError,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)


class ImageError(ValueError):
    """An image cannot be decoded. The message is the reason, without the name of the image."""


def decode_image(encoded: bytes) -> np.ndarray:
    """Decode a JPEG or PNG image, and turn it upright as its EXIF orientation says.

    An alpha channel is dropped. Several threads can decode at a time.

    Args:
        encoded: the content of the file.

    Returns:
        uint8, (height, width, 3), RGB. The array is read-only.

    Raises:
        ImageError: the content is not an image, is truncated, or has more than 8 bits per channel.

    Source: CIPA DC-008, Exif 2.32, tag Orientation.
    """
    return decode_opened(open_image(encoded))


def open_image(encoded: bytes) -> ImageFile:
    """Open a JPEG or PNG image: read its header, and no pixels.

    Args:
        encoded: the content of the file.

    Raises:
        ImageError: the content is not an image, or its header is damaged.
    """
    try:
        return Image.open(io.BytesIO(encoded), formats=FORMATS)
    except UnidentifiedImageError:
        raise ImageError("neither JPEG nor PNG, or its header is damaged") from None
    except UNREADABLE as error:
        raise ImageError(str(error)) from None


def decode_opened(image: ImageFile) -> np.ndarray:
    """Decode an image whose pixels are not loaded yet.

    Args:
        image: see open_image.

    Returns:
        As for decode_image.

    Raises:
        ImageError: as for decode_image.
    """
    deep = has_16_bits(image)
    try:
        image.load()
    except UNREADABLE as error:
        raise ImageError(str(error)) from None
    if image.mode not in MODES:
        raise ImageError(f"its mode is {image.mode}; allowed: 8 bits per channel ({', '.join(MODES)})")
    if deep:
        raise ImageError("it has 16 bits per channel; allowed: 8 bits per channel")
    return np.asarray(turn_upright(image, read_orientation(image)).convert("RGB"))


def has_16_bits(image: Image.Image) -> bool:
    """Tell whether an image has 16 bits per channel, of which Pillow may keep 8: the high byte.

    Args:
        image: an image that was opened from a JPEG or PNG file, and whose pixels are not loaded yet. The mode does not
            tell: Pillow says RGB for 8 and for 16 bits.
    """
    tiles = image.tile if isinstance(image, ImageFile) else []
    return image.format == "PNG" and any(str(tile[3]).endswith(";16B") for tile in tiles)


def turn_upright(image: Image.Image, orientation: int) -> Image.Image:
    """Turn an image upright.

    Args:
        image: as it is stored.
        orientation: its EXIF orientation; see read_orientation.

    Returns:
        The upright image, or the same one if there is nothing to turn.
    """
    method = UPRIGHT.get(orientation)
    return image if method is None else image.transpose(method)


def read_orientation(image: Image.Image) -> int:
    """Read the EXIF orientation of an image: 1 is upright.

    ImageOps.exif_transpose is not used, because it fails if it cannot write the other EXIF tags back.

    Args:
        image: an image that was opened from a file.

    Returns:
        From 1 to 8, or another number if the file says so. 1 if the image has no EXIF data, or if they are damaged.
    """
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    except (OSError, SyntaxError, ValueError, TypeError, LookupError, struct.error):
        return 1
    return orientation if isinstance(orientation, int) else 1
