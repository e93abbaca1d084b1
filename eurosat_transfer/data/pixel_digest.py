"""A digest of the pixels of an image, by which copies are found."""

import hashlib

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
    return hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).digest()
