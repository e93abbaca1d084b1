"""Images inside of pages, as data URIs, so that a page is one file."""

import base64
import io

from PIL import Image

from eurosat_transfer.data.decoding import decode_image, read_orientation

MAX_SIDE = 64  # pixels of a tile on a page of the report


def to_data_uri(encoded: bytes, max_side: int = MAX_SIDE) -> str:
    """Turn an encoded image into a data URI.

    A larger image is made smaller, and keeps its format. An image that its EXIF orientation turns becomes an upright
    PNG image, so that what a page shows does not depend on the browser. Others keep their bytes.

    Args:
        encoded: content of a JPEG or PNG file.
        max_side: pixels of the longer side.

    Raises:
        ImageError: the image cannot be decoded.
    """
    header = Image.open(io.BytesIO(encoded))
    is_large, is_turned = max(header.size) > max_side, read_orientation(header) != 1
    image_format = "PNG" if is_turned and not is_large else str(header.format)
    if is_large or is_turned:
        image = Image.fromarray(decode_image(encoded))
        image.thumbnail((max_side, max_side))
        buffer = io.BytesIO()
        image.save(buffer, image_format)
        encoded = buffer.getvalue()
    return f"data:image/{image_format.lower()};base64,{base64.b64encode(encoded).decode('ascii')}"
