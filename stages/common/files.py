"""Files written whole or not at all, the same bytes for the same content."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from stages.common.stage import UserError


@contextmanager
def whole(path: Path | str) -> Iterator[Path]:
    """Give a temporary name beside path; rename it to path when the block ends well, delete it when it does not."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".part-{path.name}")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


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
