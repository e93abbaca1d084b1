"""The predictions of images as a CSV or Parquet file."""

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from eurosat_transfer.errors import UserError
from eurosat_transfer.evaluation.conformal import is_unsure, prediction_sets
from eurosat_transfer.io.atomic import atomic_write
from eurosat_transfer.io.csv_files import write_csv
from eurosat_transfer.prediction.progress import Result

SUFFIXES = (".csv", ".parquet")
SEPARATOR = "|"  # between the classes of a set
ROWS_AT_A_TIME = 4096  # also of a row group of a Parquet file


class Row(NamedTuple):
    """What the output says about an image. The fields are the columns.

    Attributes:
        file: name of the image.
        class_: the most probable class.
        probability: of this class, float32.
        set: the classes of the prediction set in the order of the model, joined by SEPARATOR. It can be empty.
        unsure: whether the set does not have exactly one class.
        unfamiliar: whether the image does not look like the training images.
    """

    file: str
    class_: str
    probability: np.float32
    set: str
    unsure: bool
    unfamiliar: bool


COLUMNS = tuple(name.rstrip("_") for name in Row._fields)
UNREADABLE_COLUMNS = ("file", "reason")


class Rules(NamedTuple):
    """How probabilities and a distance become a row.

    Attributes:
        classes: names.
        score_threshold: see eurosat_transfer.evaluation.conformal.
        distance_threshold: images with a larger distance are unfamiliar.
    """

    classes: list[str]
    score_threshold: float
    distance_threshold: float

    def rows(self, results: Iterable[Result]) -> Iterator[Row]:
        """Make the rows of the images that could be read.

        Args:
            results: of images.

        Yields:
            The rows, in the order of results.
        """
        # A separator in a name is escaped.
        names = [name.replace(SEPARATOR, f"\\{SEPARATOR}") for name in self.classes]
        readable = (result for result in results if result.probabilities is not None)
        while some := list(islice(readable, ROWS_AT_A_TIME)):
            probabilities = np.stack([result.probabilities for result in some if result.probabilities is not None])
            sets = prediction_sets(probabilities, self.score_threshold)
            best, unsure = probabilities.argmax(1), is_unsure(sets)
            for number, result in enumerate(some):
                yield Row(
                    _to_utf8(result.name),
                    self.classes[best[number]],
                    probabilities[number, best[number]],
                    SEPARATOR.join(names[label] for label in np.flatnonzero(sets[number])),
                    bool(unsure[number]),
                    result.distance > self.distance_threshold,
                )


def check_suffix(output: Path) -> None:
    """Check that an output is a CSV or Parquet file.

    Raises:
        UserError: its suffix is another one.
    """
    if output.suffix.lower() not in SUFFIXES:
        raise UserError(f"-o {output}: the suffix is {output.suffix!r}; allowed: {', '.join(SUFFIXES)}")


def check_replaceable(output: Path) -> None:
    """Check that an output, and the list of unreadable images beside it, replace nothing but those of an earlier run.

    Raises:
        UserError: one of them exists and is something else.
    """
    for path, columns in ((output, COLUMNS), (unreadable_file(output), UNREADABLE_COLUMNS)):
        if path.is_dir() or (path.exists() and path.stat().st_size and _read_columns(path) != columns):
            raise UserError(
                f"-o {output}: {path} exists and is not the output of an earlier run; choose another name, or remove it"
            )


def _read_columns(path: Path) -> tuple[str, ...] | None:
    """Read the names of the columns of a table; None if it is no table."""
    if path.suffix.lower() == ".parquet":
        import pyarrow as pa
        from pyarrow import parquet

        try:
            return tuple(parquet.read_schema(path).names)
        except pa.ArrowInvalid:
            return None
    with path.open("rb") as file:
        return tuple(file.readline(1000).decode("utf-8", "replace").rstrip("\r\n").split(","))


def write_predictions(output: Path, rows: Iterable[Row]) -> None:
    """Write the rows, with unrounded numbers, as CSV or Parquet by the suffix of the output.

    Args:
        output: path of the file.
        rows: in order. They are not held in memory.

    Raises:
        OSError: the disk is full.
    """
    if output.suffix.lower() == ".parquet":
        _write_parquet(output, rows)
    else:
        write_csv(output, COLUMNS, map(_to_text, rows))


def unreadable_file(output: Path) -> Path:
    """Return the path of the list of images that cannot be read: predictions.unreadable.csv for predictions.csv."""
    return output.with_name(f"{output.stem}.unreadable.csv")


def write_unreadable(output: Path, problems: Iterable[tuple[str, str]]) -> int:
    """Write the list of images that cannot be read. If there are none, delete an old list.

    Args:
        output: path of the predictions.
        problems: names of images, and why they cannot be read.

    Returns:
        The number of images.

    Raises:
        OSError: the disk is full.
    """
    path, remaining, count = unreadable_file(output), iter(problems), 0
    first = next(remaining, None)
    if first is None:
        path.unlink(missing_ok=True)
        return 0

    def rows() -> Iterator[tuple[str, str]]:
        nonlocal count
        for name, problem in chain([first], remaining):
            count += 1
            yield _to_utf8(name), problem

    write_csv(path, UNREADABLE_COLUMNS, rows())
    return count


def _to_text(row: Row) -> tuple[str, ...]:
    return tuple(str(value).lower() if isinstance(value, bool) else str(value) for value in row)


def _to_utf8(name: str) -> str:
    """Escape the bytes of a file name that are not UTF-8."""
    return name.encode("utf-8", "backslashreplace").decode()


def _write_parquet(output: Path, rows: Iterable[Row]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    types = (pa.string(), pa.string(), pa.float32(), pa.string(), pa.bool_(), pa.bool_())
    schema = pa.schema(list(zip(COLUMNS, types, strict=True)))
    remaining = iter(rows)
    with atomic_write(output) as part, parquet.ParquetWriter(part, schema) as writer:
        while some := list(islice(remaining, ROWS_AT_A_TIME)):
            columns = zip(*some, strict=True)
            writer.write_table(pa.table([pa.array(c, t) for c, t in zip(columns, types, strict=True)], schema=schema))
