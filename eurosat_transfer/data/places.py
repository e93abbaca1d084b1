"""The places that images come from. Images of one place look alike, so they must not be on both sides of a split."""

import re
from pathlib import PurePosixPath

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from eurosat_transfer.data.index import X_COLUMN, Y_COLUMN, DatasetIndex
from eurosat_transfer.errors import UserError


def find_places(index: DatasetIndex, rule: str) -> np.ndarray:
    """Find which images come from the same place.

    Copies of an image are in one place with it, and so is everything in the places of its copies.

    Args:
        index: of the data set.
        rule: split.groups: folder, the folder of the image; column:NAME, a column of labels.csv; pattern:EXPRESSION,
            what the pair of parentheses matches in the name of the file; or blocks:METRES, a square on the ground.

    Returns:
        int64, (n,): the number of each image's place, from 0.

    Raises:
        UserError: an image has no place by this rule, or all images have the same one.
    """
    kind, _, value = rule.partition(":")
    names = {"folder": _folders, "column": _column, "pattern": _matches, "blocks": _blocks}[kind](index, value)
    _, places = np.unique(names, return_inverse=True)
    joined = _join(places, index.groups)
    if joined.max() == 0:
        raise UserError(f"split.groups={rule}: all images are of one place; needed: two or more")
    return joined


def _folders(index: DatasetIndex, _: str) -> list[str]:
    return [str(PurePosixPath(file).parent) for file in index.files]


def _column(index: DatasetIndex, name: str) -> list[str]:
    if name not in index.columns:
        known = ", ".join(index.columns) or "none"
        raise UserError(f"split.groups=column:{name}: the data set has no such column; further columns: {known}")
    values = index.columns[name]
    if "" in values:
        raise UserError(
            f"split.groups=column:{name}: {index.files[values.index('')]} has no value in it; images without labels "
            "have none: use folder or pattern if there are any"
        )
    return values


def _matches(index: DatasetIndex, pattern: str) -> list[str]:
    found = [re.search(pattern, file) for file in index.files]
    for file, match in zip(index.files, found, strict=True):
        if match is None or match[1] is None:
            raise UserError(f"split.groups=pattern:{pattern} does not match {file}; needed: a match in every file name")
    return [match[1] for match in found if match is not None]


def _blocks(index: DatasetIndex, metres: str) -> list[str]:
    if not {X_COLUMN, Y_COLUMN} <= set(index.columns):
        raise UserError(f"split.groups=blocks:{metres}: no image is a GeoTIFF file with coordinates")
    side, names = float(metres), []
    for file, x, y in zip(index.files, index.columns[X_COLUMN], index.columns[Y_COLUMN], strict=True):
        if not x:
            raise UserError(f"split.groups=blocks:{metres}: {file} has no coordinates; needed: GeoTIFF files with them")
        names.append(f"{int(x) // side:.0f} {int(y) // side:.0f}")
    return names


def _join(places: np.ndarray, copies: np.ndarray) -> np.ndarray:
    """Join the places that copies of one image connect."""
    count = len(places)
    edges = coo_array((np.ones(count), (places, count + copies)), shape=(2 * count, 2 * count))
    _, component = connected_components(edges, directed=False)
    joined: np.ndarray = np.unique(component[places], return_inverse=True)[1]
    return joined
