"""The files of a folder tree, found without opening any of them."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

from eurosat_transfer.data.builders.image_names import is_read
from eurosat_transfer.data.image_files import MAX_FILE_BYTES
from eurosat_transfer.errors import UserError


def find_in_tree(tree: Path) -> dict[str, Callable[[], bytes]]:
    """Find the files of a folder and of its subfolders.

    Nothing is opened, because a read from a pipe would wait for ever.

    Args:
        tree: the folder.

    Returns:
        By name relative to the tree: a function that reads the file, or raises UserError if it is too large.

    Raises:
        UserError: the tree has a symbolic link that does not point to a file inside it, or a pipe, device or socket
            that is named like an image or like the table of labels.
    """
    return {path.relative_to(tree).as_posix(): _reader(tree, path) for path in tree.rglob("*") if _is_file(tree, path)}


def _is_file(tree: Path, path: Path) -> bool:
    name = path.relative_to(tree)
    if path.is_symlink():
        target = Path(os.path.realpath(path))
        if not (target.is_file() and target.is_relative_to(os.path.realpath(tree))):
            raise UserError(
                f"{tree}: {name.as_posix()!r} is a symbolic link to {str(path.readlink())!r}; "
                "allowed: links to files inside the folder"
            )
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode) and is_read(name):
        raise UserError(f"{tree}: {name.as_posix()!r} is a pipe, a device or a socket; allowed: files")
    return stat.S_ISREG(mode)


def _reader(tree: Path, path: Path) -> Callable[[], bytes]:
    def read() -> bytes:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            name, size = path.relative_to(tree).as_posix(), path.stat().st_size
            raise UserError(f"{tree}: {name!r} has {size} bytes; allowed: {MAX_FILE_BYTES}")
        return content

    return read
