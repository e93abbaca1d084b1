"""The images that the arguments of `predict` name: files, folders, globs and zip archives."""

import glob
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from zipfile import BadZipFile

from eurosat_transfer.data.builders.image_names import is_hidden, is_hidden_part
from eurosat_transfer.data.image_files import MAX_FILE_BYTES
from eurosat_transfer.errors import UserError
from eurosat_transfer.io.zip_directory import Member, list_members, read_member

SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff")
ARCHIVE = ".zip"


class UnreadableError(Exception):
    """An image cannot be read. The message is the reason, without the name of the image."""


class Source(NamedTuple):
    """An image that is not opened yet, or something that stands where an image should be.

    Attributes:
        name: path of the file as the user gave it. For a member of a zip archive: path of the archive / member.
        path: of the file, or of the archive.
        size: of the file, or of the unpacked member, in bytes.
        changed: when the file or the archive was changed, in nanoseconds since 1970.
        member: in the archive, or None.
        problem: why it cannot be read, if that is known already.
    """

    name: str
    path: str
    size: int
    changed: int
    member: Member | None = None
    problem: str | None = None


def find_sources(inputs: Iterable[str]) -> Iterator[Source]:
    """Find the images that inputs name, without opening any but zip archives.

    Args:
        inputs: paths of files, of folders, which are searched with their subfolders, and of zip archives; or globs,
            in which ** stands for any number of folders. In folders, globs and archives, hidden files are skipped, and
            also files with a suffix that is not in SUFFIXES.

    Yields:
        The images, in no fixed order. An image that several inputs name comes several times.

    Raises:
        UserError: an input does not exist, a glob matches nothing, or a folder has no image.
    """
    for given in inputs:
        is_glob = glob.has_magic(given) and not os.path.lexists(given)
        found = False
        paths = glob.iglob(given, recursive=True) if is_glob else (given,)  # noqa: PTH207, it takes absolute globs too
        for path in paths:
            for source in _expand(os.path.normpath(path), is_named=not is_glob):
                found = True
                yield source
        if not found:
            raise UserError(f"{given!r} has no images; allowed: files with the suffixes {', '.join(SUFFIXES)}")


def _expand(path: str, is_named: bool) -> Iterator[Source]:
    """Find the images of one path."""
    if not os.path.lexists(path):
        raise UserError(f"{path!r} does not exist; allowed: files, folders, zip archives, and globs in quotes")
    if Path(path).is_dir():
        yield from _walk(path)
    elif path.lower().endswith(ARCHIVE):
        yield from _unzip(path)
    elif is_named or path.lower().endswith(SUFFIXES):
        yield _describe(path, MAX_FILE_BYTES)


def _walk(folder: str) -> Iterator[Source]:
    """Find the images of a folder and its subfolders, without a list of them. Links to folders are not followed."""
    subfolders = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if is_hidden_part(entry.name):
                continue
            path = os.path.normpath(entry.path)
            if entry.is_dir(follow_symlinks=False):
                subfolders.append(path)
            elif entry.name.lower().endswith(SUFFIXES) and not entry.is_dir():
                yield _describe(path, MAX_FILE_BYTES)
    for subfolder in subfolders:
        yield from _walk(subfolder)


def _describe(path: str, max_size: float = float("inf")) -> Source:
    try:
        status = os.stat(path)  # noqa: PTH116, a Path object for each of a million files takes as long as the call
    except OSError as error:
        return Source(path, path, 0, 0, problem=error.strerror)
    problem = _find_excess(status.st_size, max_size)
    if not stat.S_ISREG(status.st_mode):  # to open a pipe would wait for ever
        problem = "it is a pipe, a device or a socket; allowed: files"
    return Source(path, path, status.st_size, status.st_mtime_ns, problem=problem)


def _unzip(path: str) -> Iterator[Source]:
    archive = _describe(path)
    if archive.problem:
        yield archive
        return
    try:
        for member in list_members(Path(path)):
            if member.name.lower().endswith(SUFFIXES) and not is_hidden(PurePosixPath(member.name)):
                problem = _find_excess(max(member.size, member.packed), MAX_FILE_BYTES)
                yield Source(f"{path}/{member.name}", path, member.size, archive.changed, member, problem)
    except (BadZipFile, OSError) as error:
        yield archive._replace(problem=f"not a readable zip archive: {error}")


def _find_excess(size: int, max_size: float) -> str | None:
    return f"it has {size} bytes; allowed for a tile: {max_size}; map a scene with --map" if size > max_size else None


def read_source(source: Source) -> bytes:
    """Read an image.

    Args:
        source: the image.

    Returns:
        The content of the image file.

    Raises:
        UnreadableError: it cannot be read.
    """
    if source.problem:
        raise UnreadableError(source.problem)
    try:
        if source.member:
            return read_member(Path(source.path), source.member)
        with open(source.path, "rb", buffering=0) as file:  # noqa: PTH123, as above
            return file.read(source.size)
    except BadZipFile as error:
        raise UnreadableError(str(error)) from None
    except OSError as error:
        raise UnreadableError(error.strerror or str(error)) from None
