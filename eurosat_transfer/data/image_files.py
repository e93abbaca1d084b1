"""Image files from outside, checked before anything uses them."""

import io
import warnings

from PIL import Image

from eurosat_transfer.data.decoding import FORMATS, ImageError, decode_image
from eurosat_transfer.errors import UserError

MAX_FILE_BYTES = 64 * 2**20  # of one image file, also after unpacking it from a zip file


def to_rgb(encoded: bytes, name: str) -> bytes:
    """Check that an image decodes, and convert it to 8-bit RGB.

    A JPEG file that is RGB already keeps its bytes. Everything else becomes an upright PNG file without an alpha
    channel.

    Args:
        encoded: the content of a JPEG or PNG file.
        name: of the file, for error messages.

    Returns:
        The content of a JPEG or PNG file.

    Raises:
        UserError: the file is not an image, is truncated, is too large, or has more than 8 bits per channel.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            pixels = decode_image(encoded)
    except ImageError as error:
        raise UserError(f"{name} is not a readable image: {error}") from None
    header = Image.open(io.BytesIO(encoded), formats=FORMATS)
    if header.format == "JPEG" and header.mode == "RGB":
        return encoded
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
