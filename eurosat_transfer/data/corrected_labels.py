"""Where corrected labels of a data set go: the table labels.csv, with the labels that it has now."""

from pathlib import Path, PurePosixPath
from typing import NamedTuple

from eurosat_transfer.data.builders.image_names import TABLE, is_image
from eurosat_transfer.data.builders.image_tree import find_in_tree
from eurosat_transfer.data.builders.image_zip import find_in_zip
from eurosat_transfer.data.builders.labels_table import find_table, read_labels
from eurosat_transfer.data.index import DatasetIndex
from eurosat_transfer.data.other_columns import NO_COLUMNS, OtherColumns, read_other_columns
from eurosat_transfer.errors import UserError
from eurosat_transfer.io.local_path import to_path
from eurosat_transfer.parameters.data import Data


class LabelTable(NamedTuple):
    """The table that corrected labels replace.

    Attributes:
        names: of the images in the column file of the table, by their names in the data set.
        labels: the present labels, by name in the table.
        advice: what to do with the new table, a sentence for the user.
        other_columns: of the table.
    """

    names: dict[str, str]
    labels: dict[str, str]
    advice: str
    other_columns: OtherColumns = NO_COLUMNS


def open_label_table(data: Data, index: DatasetIndex) -> LabelTable:
    """Find the table and read its present labels, which can be newer than those of the data set.

    Args:
        data: where the data set comes from.
        index: of the data set. Its labels count if there is no table yet.

    Raises:
        UserError: the folder or zip file of the images is gone, or its table is damaged.
    """
    labels = dict(zip(index.files, (index.classes[label] for label in index.labels), strict=True))
    if data.name != "folder":
        advice = (
            f"data.name={data.name} reads no labels.csv: docs/suspects.md says how corrected labels get into training."
        )
        return LabelTable({file: file for file in labels}, labels, advice)
    path = to_path(str(data.path), "data.path")
    if not path.exists():
        raise UserError(f"data.path: there is no folder or zip file at {str(path)!r}; restore it")
    found = find_in_tree(path) if path.is_dir() else find_in_zip(path)
    table = find_table(found)
    images = [name for name in found if is_image(PurePosixPath(name))]
    if table is None:
        labels = {file: label for file, label in labels.items() if file in found}
    else:
        labels = read_labels(path, table, found[table](), images)
    top = PurePosixPath(table or TABLE).parent
    names = {file: str(PurePosixPath(file).relative_to(top)) for file in {**labels, **dict.fromkeys(index.files)}}
    present = {names[file]: label for file, label in labels.items()}
    columns = NO_COLUMNS if table is None else read_other_columns(found[table](), f"{path}: {table}", present)
    return LabelTable(names, present, _advise(path, table or TABLE), columns)


def _advise(path: Path, table: str) -> str:
    if path.is_dir():
        return f"Save labels.csv as {path / table}. Then run: dvc repro -f -s download && dvc repro"
    return f"Unpack {path}, save labels.csv as {table} in that folder, set data.path to the folder, and run: dvc repro"
