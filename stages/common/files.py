"""Files written whole or not at all, the same bytes for the same content."""

import csv
import errno
import json
import os
import re
import shutil
import struct
import tokenize
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

import numpy as np

from stages.common.stage import UserError

SMALL, SHRUNK = 256 * 2**20, 20  # bytes that any archive may unpack to; a larger one, to so many times its own size
DAMAGED = (BadZipFile, zlib.error, ValueError, KeyError, EOFError, RuntimeError, NotImplementedError, struct.error)


@contextmanager
def whole(path: Path | str) -> Iterator[Path]:
    """Give a temporary name beside path, for a file or a folder; rename it to path when the block ends well.

    When it does not, what is there under the temporary name is deleted, and path is as it was.
    """
    path = Path(path)
    part = path.with_name(f".part-{path.name}")
    with naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove(part)  # a killed run's
        try:
            yield part
            if part.is_dir():
                _remove(path)  # a folder is not renamed onto another
            part.replace(path)
        finally:
            _remove(part)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Give an OSError of the system's that does not say what file it is about path's name: "No space left on device".

    HDF5 has the system's error number in its text only.
    """
    try:
        yield
    except OSError as error:
        in_text = re.search(r"errno = (\d+)", str(error))
        number = error.errno or (int(in_text[1]) if in_text else None)
        if error.filename is not None or number is None:
            raise
        raise OSError(number, os.strerror(number), str(path)) from error


def need_room(folder: Path, size: int) -> None:
    """Raise the OSError of a full disk where so many bytes have no room: HDF5 finds out late, and reports at length."""
    if shutil.disk_usage(folder).free < size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif path.exists() or path.is_symlink():
        path.unlink()


def write_json(path: Path | str, content: Mapping) -> None:
    """Write a mapping as indented JSON, numbers unrounded; NaN and infinity raise ValueError."""
    with whole(path) as part:
        part.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def read_json(path: Path | str) -> dict:
    """Read a JSON object.

    Raises:
        UserError: it is none.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is no JSON: {error}") from None
    if not isinstance(content, dict):
        raise UserError(f"{path} holds no JSON object")
    return content


def write_csv(path: Path | str, header: Sequence[str], rows: Iterable[Sequence]) -> None:
    """Write rows under a header, floats unrounded."""
    with whole(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def read_csv(path: Path | str) -> list[dict[str, str]]:
    """Read a CSV file as one dictionary a row.

    Raises:
        UserError: it is none, or its rows are not all as long as its header.
    """
    try:
        with Path(path).open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, strict=True))
    except (csv.Error, ValueError) as error:
        raise UserError(f"{path} is no CSV file: {error}") from None
    if any(None in row or None in row.values() for row in rows):
        raise UserError(f"{path} is no CSV file: some rows are not as long as its header")
    return rows


def write_arrays(path: Path | str, **arrays: np.ndarray) -> None:
    """Write arrays as an .npz; NumPy stores no date in it, so equal arrays give equal bytes."""
    with whole(path) as part, part.open("wb") as file:
        np.savez(file, **arrays)


def read_arrays(path: Path | str, *names: str) -> list[np.ndarray]:
    """Read the named arrays of an .npz, never a pickle.

    Raises:
        UserError: the file is missing, no .npz, or lacks an array.
    """
    try:
        with ZipFile(path) as archive:
            check_packing(archive, archive.infolist())
        with np.load(path, allow_pickle=False) as file:
            arrays = [file[name] for name in names]
    except FileNotFoundError:
        raise UserError(f"{path} is not here: `dvc repro` makes it, `dvc pull` fetches it") from None
    except (*DAMAGED, OSError, MemoryError, TypeError, SyntaxError, tokenize.TokenError) as error:
        raise UserError(f"{path} is not the expected .npz: {error or type(error).__name__}") from None
    if not all(isinstance(array, np.ndarray) for array in arrays):  # what has another beginning is given as bytes
        raise UserError(f"{path} is not the expected .npz: not all of {', '.join(names)} are arrays")
    return arrays


def check_packing(archive: ZipFile, members: Iterable[ZipInfo]) -> None:
    """Refuse to unpack what would fill the memory.

    Raises:
        BadZipFile: the members say that they unpack to far more than they are, or are packed in a way that unpacks all
            at once, whatever they say.
    """
    size = 0
    for member in members:
        if member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
            raise BadZipFile(f"{member.filename!r} is neither stored nor deflated")
        size += member.file_size
    if size > max(SMALL, SHRUNK * Path(archive.filename).stat().st_size):
        raise BadZipFile(f"it unpacks to {size} bytes, far more than it is")
