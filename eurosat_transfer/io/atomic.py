"""Atomic writes of files and folders."""

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_write(path: Path | str) -> Iterator[Path]:
    """Write a file or folder under a temporary name, and rename it when it is complete.

    If the block fails, the temporary file or folder is deleted and the old content of path stays.

    Args:
        path: of the file or folder. Missing parent folders are created.

    Yields:
        The temporary path, beside path. It does not exist yet.

    Raises:
        OSError: the system refuses; the error names path.
    """
    path = Path(path)
    part = path.with_name(f".part-{path.name}")
    with name_os_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove(part)  # left by a run that was killed
        try:
            yield part
            if part.is_dir():
                _remove(path)  # a folder cannot replace another folder
            part.replace(path)
        finally:
            _remove(part)


@contextmanager
def name_os_errors(path: Path) -> Iterator[None]:
    """Add the name of a file to an OSError of the system that has none, such as "No space left on device".

    HDF5 reports the system's error number in its message only, so it is searched there too.

    Raises:
        OSError: as raised in the block, with path as its file name.
    """
    try:
        yield
    except OSError as error:
        in_message = re.search(r"errno = (\d+)", str(error))
        number = error.errno or (int(in_message[1]) if in_message else None)
        if error.filename is not None or number is None:
            raise
        raise OSError(number, os.strerror(number), str(path)) from error


def require_free_space(folder: Path, size: int) -> None:
    """Check that a file system has room, before HDF5 finds out in the middle of a file.

    Args:
        folder: an existing folder of the file system.
        size: bytes.

    Raises:
        OSError: there is less room, with errno ENOSPC.
    """
    if shutil.disk_usage(folder).free < size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif path.exists() or path.is_symlink():
        path.unlink()
