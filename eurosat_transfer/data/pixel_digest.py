"""A digest of the pixels of an image, by which copies are found."""

import hashlib

import numpy as np

from eurosat_transfer.data.decoding import ImageError, decode_image


def pixel_digest(encoded: bytes) -> bytes:
    """Compute a digest of the pixels of an image. It does not depend on the format or on the metadata of the file.

    Args:
        encoded: the content of a JPEG or PNG file.

    Returns:
        32 bytes. Images of the same size with the same pixels, after EXIF orientation, have the same digest. If the
        image cannot be decoded to 8 bits per channel without loss, it is the digest of the file's bytes.
    """
    try:
        pixels = decode_image(encoded)
    except ImageError:  # the stages that need the image name it in their error
        return hashlib.sha256(encoded).digest()
    return array_digest(pixels)


def array_digest(values: np.ndarray) -> bytes:
    """Compute a digest of the values of an array, and of its shape.

    Args:
        values: any array, such as all bands of a tile.

    Returns:
        32 bytes.
    """
    return hashlib.sha256(repr(values.shape).encode() + values.tobytes()).digest()
