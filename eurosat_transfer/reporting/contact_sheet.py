"""The contact sheet: a page on which people label tiles and save labels.csv, without a network."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from eurosat_transfer.data.other_columns import NO_COLUMNS, OtherColumns
from eurosat_transfer.io.atomic import atomic_write
from eurosat_transfer.reporting.data_uri import to_data_uri
from eurosat_transfer.reporting.page_templates import page_templates

MAX_SIDE = 256  # pixels of a tile: more than in the report, because people look at each tile


class SheetTile(NamedTuple):
    """A tile on the sheet.

    Attributes:
        file: name of the image, as the column file of labels.csv has it.
        image: content of a JPEG or PNG file.
        given: the label so far. It stays in labels.csv until the user chooses another one. None: no label.
        suggested: the class that the model believes. One click or key confirms it. None: no belief.
        note: why the tile is here.
    """

    file: str
    image: bytes
    given: str | None = None
    suggested: str | None = None
    note: str = ""


def write_contact_sheet(
    path: Path | str,
    tiles: Sequence[SheetTile],
    classes: Sequence[str],
    title: str,
    known: Mapping[str, str] | None = None,
    about: Sequence[str] = (),
    other_columns: OtherColumns | None = None,
) -> None:
    """Write a page on which one clicks the class of each tile, and saves the file labels.csv.

    The browser keeps the choices when the page is loaded again. They belong to this content of the sheet: a sheet with
    other tiles or labels starts empty.

    Args:
        path: of the HTML file.
        tiles: in the order of the sheet. Their files are different.
        classes: names of the classes that can be chosen. The user can add others.
        title: of the page.
        known: labels of other images, by file: they are written to labels.csv too.
        about: sentences below the title, for example where to put labels.csv.
        other_columns: of labels.csv, which are written too.

    Raises:
        ImageError: an image cannot be decoded.
        OSError: the page cannot be written.
    """
    rows = [tile._replace(image=b"")._asdict() | {"image": None} for tile in tiles]
    columns, values = other_columns or NO_COLUMNS
    data = {"tiles": rows, "classes": list(classes), "known": list((known or {}).items())}
    data |= {"columns": columns, "values": list(values.items())}
    content = hashlib.sha256(json.dumps([title, data]).encode())
    for tile in tiles:
        content.update(hashlib.sha256(tile.image).digest())
    page = (
        page_templates()
        .get_template("contact_sheet.html.j2")
        .render(
            title=title,
            about=about,
            tiles=tiles,
            images=[to_data_uri(tile.image, MAX_SIDE) for tile in tiles],
            data=data | {"digest": content.hexdigest()},
        )
    )
    with atomic_write(path) as part:
        part.write_text(page, encoding="utf-8")
