"""The builder for a user's own images, from a folder or a zip file with one subfolder per class, or with a table."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from eurosat_transfer.data.band_choice import BandChoice, describe_choice, is_numbers
from eurosat_transfer.data.band_description import BandDescription
from eurosat_transfer.data.builders.base import FoundTile, TileBuilder
from eurosat_transfer.data.builders.image_names import (
    SHOWN,
    check_image_names,
    check_utf8,
    class_of,
    is_hidden,
    is_image,
    join_names,
)
from eurosat_transfer.data.builders.image_tree import find_in_tree
from eurosat_transfer.data.builders.image_zip import find_in_zip
from eurosat_transfer.data.builders.labels_table import check_two_labels, find_table, read_further_columns, read_labels
from eurosat_transfer.data.decoding import ImageError
from eurosat_transfer.data.image_files import RenderingMismatchError, to_rgb, to_rgb_and_bands
from eurosat_transfer.data.index import X_COLUMN, Y_COLUMN
from eurosat_transfer.data.rasters import BandLayout, is_tiff, read_centre, read_layout
from eurosat_transfer.data.rendering import Rendering, Scale
from eurosat_transfer.errors import UserError
from eurosat_transfer.io.local_path import to_path


class FoundImage(NamedTuple):
    """An image that is found and not read yet.

    Attributes:
        label: the name of its class. None: it has no label.
        details: what else the table of labels says, by the name of the column.
        read: a function that reads the file. It raises UserError if the file is too large or damaged.
    """

    label: str | None
    read: Callable[[], bytes]
    details: dict[str, str]


def find_images(path: Path) -> dict[str, FoundImage]:
    """Find the images of a folder or zip file, and print how many other files it has.

    The labels come from the table labels.csv if there is one. Images without a row have no label. Without a table, the
    name of the folder that an image is in is its label.

    Args:
        path: of the folder or zip file.

    Returns:
        The images by relative name, such as "River/River_1.jpg", in the order of the names.

    Raises:
        UserError: there is nothing at path, it is unsafe to read, or its images are not in two or more class folders,
            or the table is damaged or has fewer than two labels.
    """
    if path.is_dir():
        found = find_in_tree(path)
    elif path.is_file():
        found = find_in_zip(path)
    else:
        raise UserError(f"there is no folder or zip file at {str(path)!r}; give the path of one")
    names = [name for name in sorted(found) if is_image(PurePosixPath(name))]
    table, further = find_table(found), {}
    if table is None:
        check_image_names(path, names)
        labels = {name: class_of(name) for name in names}
    else:
        check_utf8(path, names)
        labels = read_labels(path, table, found[table](), names)
        further = read_further_columns(path, table, found[table](), names)
        print(f"{path}: the labels of {len(labels)} images come from {table}; the names of folders are not used")
        if unlabelled := len(names) - len(labels):
            print(
                f"{path}: {unlabelled} images have no row in {table}, so no label; `python -m eurosat_transfer "
                "suggest` chooses which of them to label next"
            )
            labels = _without_single_labels(path, labels)
        check_two_labels(path, table, labels.values())
    if table is None and (bare := _find_folders_without_images(path, names, found)):
        print(f"{path}: no JPEG, PNG or GeoTIFF images in {join_names(bare)}; so these folders are no classes")
    others = len(found) - len(names) - (table is not None)
    if others:
        print(f"{path}: {others} other files are ignored; JPEG, PNG and GeoTIFF images are read")
    return {
        name: FoundImage(labels.get(name), found[name], {column: of.get(name, "") for column, of in further.items()})
        for name in names
    }


def _without_single_labels(path: Path, labels: dict[str, str]) -> dict[str, str]:
    """Leave out the classes that have one label so far: they cannot be both trained and tested."""
    counts = Counter(labels.values())
    if single := sorted(label for label, count in counts.items() if count == 1):
        print(
            f"{path}: these classes have one label, and are left out until they have two: {join_names(single)}; "
            "`python -m eurosat_transfer suggest` looks for the second"
        )
    return {name: label for name, label in labels.items() if counts[label] > 1}


def _find_folders_without_images(path: Path, names: Sequence[str], found: Iterable[str]) -> list[str]:
    """Find folders beside those of the classes that have no image, so that no class vanishes without a word.

    Args:
        path: of the folder or zip file.
        names: of the images.
        found: names of all files. Those of a folder do not show its empty folders.
    """
    classes = {PurePosixPath(name).parent for name in names}
    levels = {folder.parent for folder in classes}
    folders = {parent for name in found for parent in PurePosixPath(name).parents}
    if path.is_dir():
        folders |= {level / folder.name for level in levels for folder in (path / level).iterdir() if folder.is_dir()}
    bare = (folder for folder in folders - classes if folder.parent in levels and folder.name)
    return sorted(str(folder) for folder in bare if not is_hidden(folder) and folder not in levels)


def _describe_broken(broken: Sequence[str], images: int) -> str:
    """Describe the images that cannot be used: the first SHOWN of them, and how many more there are."""
    if len(broken) == 1:
        return broken[0]
    rest = f"; and {len(broken) - SHOWN} more" if len(broken) > SHOWN else ""
    return f"{len(broken)} of {images} images cannot be used: {'; '.join(broken[:SHOWN])}{rest}"


class Folder(TileBuilder):
    """Images in one folder per class, or with a table of labels: two or more classes, and images of any size."""

    DESCRIPTION = "Images of one's own."

    def __init__(
        self, *, path: str, data_dir: Path | str, bands: BandChoice | None = None, scale: Scale | None = None
    ) -> None:
        """Find the images. Their pixels are not read yet.

        Args:
            path: of the folder or zip file.
            data_dir: where TFDS puts the prepared data set.
            bands: a choice of bands. None: images with other bands than grey or red, green, blue are refused.
            scale: the values that become 1 and 255. None: images of more than 8 bits are refused.

        Raises:
            UserError: see find_images, or two images would be stored under one name, or there are no such bands.
        """
        self._images = find_images(to_path(path, "data.path"))
        self._check_keys(path)
        self._layout = None if bands is None else self._find_layout(path, bands)
        if self._layout and bands is not None:
            self._description = describe_choice(bands, self._layout.names, scale)
            self._rendering = self._description.rendering
        else:
            numbers = None if bands is None else (int(bands[0]), int(bands[1]), int(bands[2]))
            self._rendering = Rendering(numbers, scale)
        super().__init__(data_dir=data_dir)

    def _find_layout(self, path: str, bands: BandChoice) -> BandLayout | None:
        """Find the bands that all images have, so that all of them can be kept.

        Returns:
            None if there is nothing to keep: the images are no GeoTIFF files of more than three bands, or differ.

        Raises:
            UserError: there is nothing to keep, and the choice has names.
        """
        found: dict[BandLayout | None, str] = {}
        for name, image in self._images.items():
            try:
                encoded = image.read()
                found.setdefault(read_layout(encoded) if is_tiff(encoded) else None, name)
            except (UserError, ImageError):  # _tiles reports it
                continue
            if len(found) > 1:
                break
        layout = next(iter(found), None)
        if len(found) == 1 and layout and (len(layout.names) > len(bands) or not is_numbers(bands)):
            return layout
        if not is_numbers(bands):
            raise UserError(
                f"{path}: {join_names(list(found.values()))} have other bands than each other or are no GeoTIFF files, "
                "so their bands have no names; set data.bands to three numbers from 1, or null"
            )
        if len(found) > 1 and any(kind and len(kind.names) > len(bands) for kind in found):
            names = join_names(list(found.values()))
            print(f"{path}: the bands of {names} differ, so only the three bands of data.bands are kept")
        return None

    def _bands(self) -> tuple[BandDescription, str] | None:
        return (self._description, self._layout.dtype) if self._layout else None

    def _check_keys(self, path: str) -> None:
        """Refuse two images that would be stored under one name. TFDS ends in an assertion."""
        counts = Counter(map(self._key, self._images))
        if same := [name for name in self._images if counts[self._key(name)] > 1]:
            raise UserError(
                f"{path} has {len(same)} images whose file names are not unique: {join_names(same)}; in EuroSAT they "
                "are: rename these files, or use the images as data of your own with data.name=folder and data.path"
            )

    def _classes(self) -> list[str]:
        return sorted({image.label for image in self._images.values() if image.label is not None})

    def _tiles(self) -> Iterator[FoundTile]:
        broken: list[str] = []
        left_out: list[str] = []
        images = tqdm(self._images.items(), desc="reading images", unit="image", mininterval=1, disable=None)
        for place, (name, image) in enumerate(images):
            try:
                content = image.read()
                encoded, bands = self._render(name, content)
            except UserError as error:
                if place == 0 and isinstance(error, RenderingMismatchError):  # one for all images, as it seems
                    raise
                (left_out if image.label is None else broken).append(str(error))
            else:
                self._note_details(name, image.details, content)
                yield FoundTile(self._key(name), image.label, encoded, bands)
        if broken:
            raise UserError(_describe_broken(broken, len(self._images)))
        if left_out:
            print(f"left out, because they have no label: {_describe_broken(left_out, len(self._images))}")

    def _note_details(self, name: str, details: dict[str, str], content: bytes) -> None:
        """Note what the index tells of an image beside its label: the columns of the table, and the coordinates."""
        centre = read_centre(content) if is_tiff(content) else None
        place = {X_COLUMN: str(centre[0]), Y_COLUMN: str(centre[1])} if centre else {}
        for column, value in (details | place).items():
            self.columns.setdefault(column, {})[self._key(name)] = value

    def _render(self, name: str, content: bytes) -> tuple[bytes, np.ndarray | None]:
        """Render an image, and return all its bands too if they are kept."""
        if self._layout:
            return to_rgb_and_bands(content, name, self._rendering, self._layout)
        return to_rgb(content, name, self._rendering), None

    def _key(self, name: str) -> str:
        """Return the name under which the data set stores an image. TFDS orders the images by its hash."""
        return name
