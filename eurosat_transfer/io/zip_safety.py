"""Protection against zip archives that unpack to more than the memory holds."""

import struct
import zlib
from collections.abc import Iterable
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

# An archive may unpack to ALWAYS_ALLOWED bytes, or to MAX_RATIO times its own size if this is more.
ALWAYS_ALLOWED, MAX_RATIO = 256 * 2**20, 20

# What zipfile raises for a damaged archive.
ZIP_ERRORS = (BadZipFile, zlib.error, ValueError, KeyError, EOFError, RuntimeError, NotImplementedError, struct.error)


ENCRYPTED = 0x1  # bit of ZipInfo.flag_bits


def describe_unreadable(member: ZipInfo) -> str:
    """Say why a member is not read, or return "".

    Other compressions than DEFLATE are not, because zipfile unpacks their members in one piece, whatever size the
    archive declares.
    """
    if member.flag_bits & ENCRYPTED:
        return "is encrypted"
    if member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        return "has an unsupported compression (allowed: stored, deflated)"
    return ""


def check_unpacked_size(archive: ZipFile, members: Iterable[ZipInfo]) -> None:
    """Refuse members that would unpack to far more than the archive's own size.

    Raises:
        BadZipFile: the declared sizes are too large, or a member is encrypted or has another compression.
    """
    size = 0
    for member in members:
        if why := describe_unreadable(member):
            raise BadZipFile(f"{member.filename!r} {why}")
        size += member.file_size
    allowed = max(ALWAYS_ALLOWED, MAX_RATIO * Path(str(archive.filename)).stat().st_size)
    if size > allowed:
        raise BadZipFile(f"it unpacks to {size} bytes; allowed for its size: {allowed}")
