"""The table labels.csv, which gives images their labels if these are not in one folder per class."""

import unicodedata
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path, PurePosixPath

from eurosat_transfer.data.builders.image_names import TABLE, check_distinct, check_storable, is_hidden
from eurosat_transfer.data.index import COLUMNS as INDEX_COLUMNS
from eurosat_transfer.data.index import X_COLUMN, Y_COLUMN
from eurosat_transfer.errors import UserError
from eurosat_transfer.io.csv_files import parse_csv

COLUMNS = ("file", "label")


def find_table(names: Iterable[str]) -> str | None:
    """Find the table of a folder or zip file.

    Args:
        names: of all files, relative to the folder or zip file.

    Returns:
        The name of the table in the outermost folder, or in the only folder there, because many zip files have one
        that holds everything. None if there is no such table.
    """
    visible = [PurePosixPath(name) for name in names if not is_hidden(PurePosixPath(name))]
    tops = {name.parts[0] for name in visible}
    places = [TABLE, *(f"{top}/{TABLE}" for top in tops if len(tops) == 1)]
    return next((place for place in places if PurePosixPath(place) in visible), None)


def read_labels(source: Path, table: str, content: bytes, images: Collection[str]) -> dict[str, str]:
    """Read labels from a table. Images without a row have no label.

    Args:
        source: the folder or zip file of the images, for error messages.
        table: name of the table, relative to source. The table has the columns file, relative to the table, and label;
            further columns are ignored.
        content: of the table.
        images: the names of all images, relative to source.

    Returns:
        The label of each image that has a row, by its name, in the order of the rows.

    Raises:
        UserError: the table is damaged or lacks a column, names a file that is no image, names an image twice, or has
            an empty label or one that cannot be stored.
    """
    where = f"{source}: {table}"
    try:
        text = content.decode("utf-8-sig")  # Excel begins its files with a byte order mark
    except UnicodeDecodeError as error:
        raise UserError(f"{where} is not valid UTF-8: {error}; save it as CSV in UTF-8") from None
    header, rows = parse_csv(text, where)
    missing = [column for column in COLUMNS if header.count(column) != 1]
    if missing:
        raise UserError(
            f"{where} needs each of the columns {', '.join(COLUMNS)} once, separated by commas; found "
            f"{','.join(header)!r}; rename the file if it is not the table of labels"
        )
    labels: dict[str, str] = {}
    by_form = {unicodedata.normalize("NFC", name): name for name in images}
    for number, row in enumerate(rows, 1):
        name, label = _name_of(row, table, by_form), row["label"]
        if name not in images:
            raise UserError(
                f"{where}: row {number} has the file {row['file']!r}, which is not a JPEG, PNG or GeoTIFF image beside "
                "the table; correct the name, or remove the row"
            )
        if name in labels:
            raise UserError(f"{where}: row {number} has the file {row['file']!r} again; needed: one row for each image")
        if not label:
            raise UserError(f"{where}: row {number} has no label for {row['file']!r}; write one, or remove both")
        check_storable(label, f"{where}: row {number}: the label", "correct the label")
        labels[name] = label
    check_distinct(dict.fromkeys(labels.values()), f"{where}: the labels", "use one of them")
    return labels


def read_further_columns(
    source: Path, table: str, content: bytes, images: Collection[str]
) -> dict[str, dict[str, str]]:
    """Read the other columns of a table that read_labels has read, such as the scene of each image.

    Args:
        source: as for read_labels.
        table: as for read_labels.
        content: as for read_labels.
        images: as for read_labels.

    Returns:
        The value of each image that has a row, by the name of the column and the name of the image. Columns with a name
        that data/index.csv has itself are left out.
    """
    header, rows = parse_csv(content.decode("utf-8-sig"), f"{source}: {table}")
    by_form = {unicodedata.normalize("NFC", name): name for name in images}
    further = [name for name in header if name not in (*INDEX_COLUMNS, X_COLUMN, Y_COLUMN)]
    return {column: {_name_of(row, table, by_form): row[column] for row in rows} for column in further}


def _name_of(row: Mapping[str, str], table: str, by_form: Mapping[str, str]) -> str:
    """Return the name of the image that a row is for. macOS writes an accent as a character of its own."""
    name = str(PurePosixPath(table).parent / row["file"])
    return by_form.get(unicodedata.normalize("NFC", name), name)


def check_two_labels(source: Path, table: str, labels: Iterable[str]) -> None:
    """Check that there is something to tell apart.

    Args:
        source: the folder or zip file of the images, for the error message.
        table: name of the table.
        labels: of all rows.

    Raises:
        UserError: the table has fewer than two different labels.
    """
    different = sorted(set(labels))
    if len(different) < 2:
        found = ", ".join(different) or "none"
        raise UserError(
            f"{source}: {table} has these labels: {found}; needed: two or more, so label tiles of another class"
        )
