"""Finished rows of windows on disk, so that an interrupted map resumes."""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from eurosat_transfer.errors import UserError
from eurosat_transfer.io.atomic import atomic_write
from eurosat_transfer.io.locks import how_to_break, new_lock, try_lock
from eurosat_transfer.io.npz import read_npz, write_npz

KEY_FILE = "key.json"


class WindowRow(NamedTuple):
    """What a classifier says about the windows of a row.

    Attributes:
        probabilities: float32, (columns, classes). NaN for windows that were left out.
        distances: float32, (columns,). NaN for windows that were left out.
        missing: uint8: the pixels without data that are kept with this row, packed by pack_missing.
    """

    probabilities: np.ndarray
    distances: np.ndarray
    missing: np.ndarray


class WindowStore:
    """A folder with a file for each finished row of windows."""

    def __init__(self, folder: Path):
        """Name the folder. It exists."""
        self.folder = folder

    def has(self, row: int) -> bool:
        """Tell whether a row is finished and its file can be read.

        Args:
            row: number of the row.
        """
        try:
            self.load(row)
        except UserError:  # missing, or damaged by a power failure
            return False
        return True

    def load(self, row: int) -> WindowRow:
        """Read a finished row.

        Args:
            row: number of the row.

        Raises:
            UserError: the file is missing or damaged.
        """
        return WindowRow(*read_npz(self._path(row), *WindowRow._fields))

    def save(self, row: int, content: WindowRow) -> None:
        """Write a finished row.

        Args:
            row: number of the row.
            content: of the row.

        Raises:
            OSError: the disk is full.
        """
        write_npz(self._path(row), content._asdict())

    def _path(self, row: int) -> Path:
        return self.folder / f"row-{row:06d}.npz"


@contextmanager
def work_folder(out: Path, key: Mapping[str, Any]) -> Iterator[Path]:
    """Hold the folder beside an output in which it is made. It is deleted when the block succeeds.

    If the block fails or the process is killed, the folder stays. The next run with the same key finds it as it was
    left. A run with another key empties it first.

    Args:
        out: absolute path of the output.
        key: everything that the content of the folder depends on, as for JSON.

    Yields:
        The folder.

    Raises:
        UserError: another process makes the same output.
    """
    folder = out.with_name(f".part-{out.name}")
    folder.mkdir(parents=True, exist_ok=True)
    lock = new_lock(folder / "work")
    if not try_lock(lock):
        raise UserError(f"another process writes {out}; wait for it, or choose another folder{how_to_break(lock)}")
    try:
        text = json.dumps(key, indent=1, sort_keys=True)
        key_file = folder / KEY_FILE
        if not key_file.is_file() or key_file.read_text(encoding="utf-8") != text:
            _empty(folder, Path(lock.lock_file))
            with atomic_write(key_file) as part:
                part.write_text(text, encoding="utf-8")
        yield folder
        shutil.rmtree(folder)
    finally:
        lock.release()


def pack_missing(missing: np.ndarray) -> np.ndarray:
    """Pack eight pixels into a byte, or nothing if all pixels have data.

    Args:
        missing: bool, (height, width).

    Returns:
        uint8, (height, width / 8 rounded up), or (0,).
    """
    return np.packbits(missing, axis=1) if missing.any() else np.zeros(0, np.uint8)


def unpack_missing(packed: np.ndarray, height: int, width: int) -> np.ndarray:
    """Undo pack_missing.

    Args:
        packed: by pack_missing.
        height: of the pixels.
        width: of the pixels.

    Returns:
        bool, (height, width).
    """
    if not packed.size:
        return np.zeros((height, width), bool)
    return np.unpackbits(packed, axis=1, count=width).astype(bool)


def _empty(folder: Path, lock_file: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path != lock_file:
            path.unlink()
