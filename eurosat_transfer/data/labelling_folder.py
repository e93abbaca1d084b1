"""A folder of images that somebody labels step by step, with the labels so far in labels.csv."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from eurosat_transfer.data.builders.image_names import TABLE, check_utf8, is_image
from eurosat_transfer.data.builders.image_tree import find_in_tree
from eurosat_transfer.data.builders.labels_table import find_table, read_labels
from eurosat_transfer.data.image_files import to_rgb
from eurosat_transfer.data.other_columns import NO_COLUMNS, OtherColumns, read_other_columns
from eurosat_transfer.data.rendering import Rendering
from eurosat_transfer.errors import UserError


class LabellingFolder(NamedTuple):
    """Images with and without labels, in the order of their names.

    Attributes:
        table: path of labels.csv, which need not exist yet.
        files: names of the images, as the column file of the table has them.
        labels: the label of each image, or None.
        read: for each image, a function that reads it as a JPEG or 8-bit RGB PNG file. It raises UserError if the file
            is damaged or does not fit the rendering.
        other_columns: of the table.
    """

    table: Path
    files: list[str]
    labels: list[str | None]
    read: Sequence[Callable[[], bytes]]
    other_columns: OtherColumns = NO_COLUMNS


def open_labelling_folder(folder: Path, rendering: Rendering) -> LabellingFolder:
    """Find the images of a folder and of its subfolders, without reading them.

    The names of subfolders are no labels.

    Args:
        folder: with the images. The table may be in it, or in its only subfolder.
        rendering: how images become 8-bit RGB images.

    Raises:
        UserError: there is no such folder, it is unsafe to read, it has no image, or its table is damaged.
    """
    if not folder.is_dir():
        raise UserError(f"there is no folder at {str(folder)!r}; give the path of one; unpack a zip file first")
    found = find_in_tree(folder)
    names = [name for name in sorted(found) if is_image(PurePosixPath(name))]
    if not names:
        raise UserError(f"{folder} has no JPEG, PNG or GeoTIFF images; give the path of a folder that has")
    check_utf8(folder, names)
    table = find_table(found)
    labels = {} if table is None else read_labels(folder, table, found[table](), names)
    top = PurePosixPath(table or TABLE).parent
    files = [str(PurePosixPath(name).relative_to(top)) for name in names]
    read = [partial(_read, found[name], name, rendering) for name in names]
    columns = NO_COLUMNS if table is None else read_other_columns(found[table](), f"{folder}: {table}", files)
    return LabellingFolder(folder / (table or TABLE), files, [labels.get(name) for name in names], read, columns)


def has_unlabelled_images(path: Path) -> bool:
    """Tell whether a folder is one to label: it has a table of labels, or images that are in no folder of a class."""
    if not path.is_dir():
        return False
    found = find_in_tree(path)
    return find_table(found) is not None or any("/" not in name and is_image(PurePosixPath(name)) for name in found)


def _read(read_file: Callable[[], bytes], name: str, rendering: Rendering) -> bytes:
    return to_rgb(read_file(), name, rendering)
