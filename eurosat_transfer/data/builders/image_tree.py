"""The files of a folder tree, found without opening any of them."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

from eurosat_transfer.data.builders.image_names import is_hidden, is_read
from eurosat_transfer.data.image_files import MAX_FILE_BYTES
from eurosat_transfer.errors import UserError


def find_in_tree(tree: Path) -> dict[str, Callable[[], bytes]]:
    """Find the files of a folder and of its subfolders.

    Nothing is opened, because a read from a pipe would wait for ever.

    Args:
        tree: the folder.

    Returns:
        By name relative to the tree: a function that reads the file, or raises UserError if it is too large or cannot
        be read.

    Raises:
        UserError: a folder cannot be read, or the tree has a symbolic link that does not point to a file inside it, or
            a pipe, device or socket that is named like an image or like the table of labels.
    """
    found = {}
    for folder, subfolders, files in os.walk(tree, onerror=lambda error: _refuse_unread(tree, error)):
        # os.walk lists links to folders among the folders, and does not follow them.
        for path in (Path(folder, name) for name in (*subfolders, *files)):
            if _is_file(tree, path):
                found[path.relative_to(tree).as_posix()] = _reader(tree, path)
    return found


def _refuse_unread(tree: Path, error: OSError) -> None:
    """Refuse a folder that cannot be listed, unless it is hidden: its images would be missing without a word."""
    if not is_hidden(Path(error.filename).relative_to(tree)):
        raise _unreadable(tree, Path(error.filename), error)


def _unreadable(tree: Path, path: Path, error: OSError) -> UserError:
    name = path.relative_to(tree).as_posix()
    where = f"{name!r} cannot be read" if path != tree else "the folder cannot be read"
    return UserError(f"{tree}: {where}: {error.strerror}; change its permissions, or remove it")


def _is_file(tree: Path, path: Path) -> bool:
    name = path.relative_to(tree)
    try:
        if path.is_symlink():
            _check_link(tree, path)
        mode = path.stat().st_mode
    except OSError as error:  # the folder may be listed and not entered
        if is_hidden(name):
            return False
        raise _unreadable(tree, path, error) from None
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode) and is_read(name):
        raise UserError(f"{tree}: {name.as_posix()!r} is a pipe, a device or a socket; allowed: files")
    return stat.S_ISREG(mode)


def _check_link(tree: Path, path: Path) -> None:
    target = Path(os.path.realpath(path))
    if not (target.is_file() and target.is_relative_to(os.path.realpath(tree))):
        raise UserError(
            f"{tree}: {path.relative_to(tree).as_posix()!r} is a symbolic link to {str(path.readlink())!r}; "
            "allowed: links to files inside the folder"
        )


def _reader(tree: Path, path: Path) -> Callable[[], bytes]:
    def read() -> bytes:
        try:
            with path.open("rb") as file:
                content = file.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            raise _unreadable(tree, path, error) from None
        if len(content) > MAX_FILE_BYTES:
            name, size = path.relative_to(tree).as_posix(), path.stat().st_size
            raise UserError(f"{tree}: {name!r} has {size} bytes; allowed: {MAX_FILE_BYTES}")
        return content

    return read
