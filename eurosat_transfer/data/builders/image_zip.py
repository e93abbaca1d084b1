"""The files of a zip archive, found without unpacking it."""

import stat
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from zipfile import ZipFile, ZipInfo

from eurosat_transfer.data.builders.image_names import is_read
from eurosat_transfer.data.image_files import MAX_FILE_BYTES
from eurosat_transfer.errors import UserError
from eurosat_transfer.io.zip_safety import ZIP_ERRORS, check_unpacked_size, describe_unreadable


def find_in_zip(path: Path) -> dict[str, Callable[[], bytes]]:
    """Find the files of a zip archive.

    Args:
        path: of the archive. It stays open as long as one of the functions below exists.

    Returns:
        By name in the archive: a function that reads the file, or raises UserError if it is damaged.

    Raises:
        UserError: the file is not a zip archive, or a member points outside the archive, is a symbolic link, has a
            backslash or the name of another member, or is an image or the table of labels, and is too large.
    """
    try:
        archive = ZipFile(path)
    except (*ZIP_ERRORS, OSError) as error:
        raise UserError(
            f"{path} is not a zip file, or it is truncated: {error}; unpack other archives, and give the folder"
        ) from None
    members: dict[str, Callable[[], bytes]] = {}
    for info in archive.infolist():
        name = PurePosixPath(info.filename)
        if name.is_absolute() or ".." in name.parts:
            raise UserError(f"{path}: {info.filename!r} points outside the archive; allowed: relative names without ..")
        if stat.S_ISLNK(info.external_attr >> 16):
            raise UserError(f"{path}: {info.filename!r} is a symbolic link; allowed: files")
        if info.is_dir():
            continue
        if "\\" in info.filename and is_read(PurePosixPath(info.filename.replace("\\", "/"))):
            raise UserError(
                f"{path}: {info.filename!r} has a backslash, which some programs for Windows write where a zip file "
                "needs a slash; unpack the file and set data.path to the folder, or pack it with another program"
            )
        if is_read(name) and (why := describe_unreadable(info)):
            raise UserError(f"{path}: {info.filename!r} {why}; unpack the file and set data.path to the folder")
        if info.filename in members:
            raise UserError(f"{path} has two files named {info.filename!r}; allowed: one")
        if info.file_size > MAX_FILE_BYTES and is_read(name):
            raise UserError(f"{path}: {info.filename!r} unpacks to {info.file_size} bytes; allowed: {MAX_FILE_BYTES}")
        members[info.filename] = _reader(archive, info)
    return members


def _reader(archive: ZipFile, info: ZipInfo) -> Callable[[], bytes]:
    def read() -> bytes:
        try:
            check_unpacked_size(archive, [info])
            with archive.open(info) as member:
                # Without this limit, zipfile unpacks up to 2 GB of a member that declares less.
                return member.read(info.file_size)
        except (*ZIP_ERRORS, OSError) as error:
            raise UserError(f"{archive.filename}: {info.filename!r} cannot be read: {error}") from None

    return read
