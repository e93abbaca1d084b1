"""Image files from outside, checked before anything uses them."""

import io
import warnings

from PIL import Image, UnidentifiedImageError

from eurosat_transfer.errors import UserError
from eurosat_transfer.tensorflow_setup import tf

MAX_FILE_BYTES = 64 * 2**20  # of one image file, also after unpacking it from a zip file
MODES = ("L", "LA", "P", "RGB", "RGBA", "1", "CMYK")  # 8 bits per channel: Pillow converts them to RGB without loss


def to_rgb(encoded: bytes, name: str) -> bytes:
    """Check that an image decodes, and convert it to 8-bit RGB.

    A JPEG file that is RGB already keeps its bytes. Everything else becomes a PNG file without an alpha channel.

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
            image = Image.open(io.BytesIO(encoded), formats=("JPEG", "PNG"))
            image.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        reason = "neither JPEG nor PNG" if isinstance(error, UnidentifiedImageError) else str(error)
        raise UserError(f"{name} is not a readable image: {reason}") from None
    if image.mode not in MODES:
        raise UserError(f"{name} is an image of mode {image.mode}; allowed: 8 bits per channel ({', '.join(MODES)})")
    if image.format == "JPEG" and image.mode == "RGB":
        try:
            tf.io.decode_jpeg(encoded)  # later stages decode with TensorFlow, which refuses more than Pillow does
        except tf.errors.InvalidArgumentError:
            raise UserError(f"{name} is not a readable image: the JPEG data is damaged") from None
        return encoded
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "PNG")
    return buffer.getvalue()
