"""The columns of labels.csv besides file and label. They stay in the table when somebody labels tiles."""

import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

from eurosat_transfer.data.builders.labels_table import COLUMNS
from eurosat_transfer.io.csv_files import parse_csv


class OtherColumns(NamedTuple):
    """Columns, for example the scene of each image.

    Attributes:
        names: of the columns.
        values: by file, a value for each column.
    """

    names: list[str]
    values: dict[str, list[str]]


NO_COLUMNS = OtherColumns([], {})


def read_other_columns(content: bytes, name: str, files: Iterable[str]) -> OtherColumns:
    """Read the other columns of a table that read_labels has read.

    Args:
        content: of the table.
        name: of the table, for error messages.
        files: names of images, as the column file of the table has them. Accents may be written in another form there.
    """
    header, rows = parse_csv(content.decode("utf-8-sig"), name)
    names = [column for column in header if column not in COLUMNS]
    by_form = {unicodedata.normalize("NFC", row["file"]): [row[column] for column in names] for row in rows}
    forms = {file: unicodedata.normalize("NFC", file) for file in files}
    return OtherColumns(names, {file: by_form[form] for file, form in forms.items() if form in by_form})
