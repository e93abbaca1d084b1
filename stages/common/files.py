"""Files written whole or not at all, the same bytes for the same content."""

import csv
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from stages.common.stage import UserError


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
    """Read a JSON object."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def write_csv(path: Path | str, header: Sequence[str], rows: Iterable[Sequence]) -> None:
    """Write rows under a header, floats unrounded."""
    with whole(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def read_csv(path: Path | str) -> list[dict[str, str]]:
    """Read a CSV file as one dictionary a row."""
    with Path(path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


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
        with np.load(path, allow_pickle=False) as file:
            return [file[name] for name in names]
    except FileNotFoundError:
        raise UserError(f"{path} is not here: `dvc repro` makes it, `dvc pull` fetches it") from None
    except (KeyError, ValueError, OSError, EOFError, BadZipFile) as error:
        raise UserError(f"{path} is not the expected .npz: {error}") from None
