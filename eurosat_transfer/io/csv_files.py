"""CSV files with a header."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from eurosat_transfer.errors import UserError
from eurosat_transfer.io.atomic import atomic_write


def write_csv(path: Path | str, header: Sequence[str], rows: Iterable[Sequence]) -> None:
    """Write rows under a header, with unrounded numbers."""
    with atomic_write(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def read_csv(path: Path | str) -> list[dict[str, str]]:
    """Read the rows of a CSV file, each as a dictionary from column to text.

    Raises:
        UserError: the file is no CSV, or a row has more or fewer fields than the header.
        FileNotFoundError: there is no such file.
    """
    try:
        with Path(path).open(encoding="utf-8", newline="") as file:
            text = file.read()
    except ValueError as error:
        raise UserError(f"{path} is not a valid CSV file: {error}") from None
    return parse_csv(text, str(path))[1]


def parse_csv(text: str, name: str) -> tuple[list[str], list[dict[str, str]]]:
    """Read the columns and rows of a CSV file that is in memory.

    Args:
        text: the content of the file.
        name: of the file, for error messages.

    Returns:
        The names of the columns, and the rows, each as a dictionary from column to text.

    Raises:
        UserError: the text is no CSV, or a row has more or fewer fields than the header.
    """
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        rows = list(reader)
    except (csv.Error, ValueError) as error:
        raise UserError(f"{name} is not a valid CSV file: {error}") from None
    for number, row in enumerate(rows, 1):
        if None in row or None in row.values():
            raise UserError(f"{name} is not a valid CSV file: row {number} is not as long as the header")
    return list(reader.fieldnames or ()), rows
