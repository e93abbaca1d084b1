"""The builder for a user's own images, from a folder or a zip file with one subfolder per class, or with a table."""

from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from tqdm import tqdm

from eurosat_transfer.data.builders.base import TileBuilder
from eurosat_transfer.data.builders.image_names import check_image_names, check_utf8, class_of, is_image
from eurosat_transfer.data.builders.image_tree import find_in_tree
from eurosat_transfer.data.builders.image_zip import find_in_zip
from eurosat_transfer.data.builders.labels_table import find_table, read_labels
from eurosat_transfer.data.image_files import to_rgb
from eurosat_transfer.data.rendering import Rendering
from eurosat_transfer.errors import UserError


class FoundImage(NamedTuple):
    """An image that is found and not read yet.

    Attributes:
        label: the name of its class.
        read: a function that reads the file. It raises UserError if the file is too large or damaged.
    """

    label: str
    read: Callable[[], bytes]


def find_images(path: Path) -> dict[str, FoundImage]:
    """Find the images of a folder or zip file, and print how many other files it has.

    The labels come from the table labels.csv if there is one. Otherwise, the name of the folder that an image is in is
    its label.

    Args:
        path: of the folder or zip file.

    Returns:
        The images by relative name, such as "River/River_1.jpg", in the order of the names.

    Raises:
        UserError: there is nothing at path, it is unsafe to read, or its images are not in two or more class folders,
            or the table does not give each of them a label.
    """
    if path.is_dir():
        found = find_in_tree(path)
    elif path.is_file():
        found = find_in_zip(path)
    else:
        raise UserError(f"there is no folder or zip file at {str(path)!r}; give the path of one")
    names = [name for name in sorted(found) if is_image(PurePosixPath(name))]
    table = find_table(found)
    if table is None:
        check_image_names(path, names)
        labels = {name: class_of(name) for name in names}
    else:
        check_utf8(path, names)
        labels = read_labels(path, table, found[table](), names)
        print(f"{path}: the labels of {len(names)} images come from {table}; the names of folders are not used")
    others = len(found) - len(names) - (table is not None)
    if others:
        print(f"{path}: {others} other files are ignored; JPEG, PNG and GeoTIFF images are read")
    return {name: FoundImage(labels[name], found[name]) for name in names}


class Folder(TileBuilder):
    """Images in one folder per class, or with a table of labels: two or more classes, and images of any size."""

    DESCRIPTION = "Images of one's own."

    def __init__(self, *, path: str, data_dir: Path | str, rendering: Rendering | None = None) -> None:
        """Find the images, without reading them yet.

        Args:
            path: of the folder or zip file.
            data_dir: where TFDS puts the prepared data set.
            rendering: how images become 8-bit RGB images. None: images of other kinds are refused.

        Raises:
            UserError: see find_images.
        """
        self._rendering = rendering or Rendering()
        self._images = find_images(Path(path).expanduser())
        super().__init__(data_dir=data_dir)

    def _classes(self) -> list[str]:
        return sorted({image.label for image in self._images.values()})

    def _tiles(self) -> Iterator[tuple[str, str, bytes]]:
        for name, image in tqdm(self._images.items(), desc="reading images", unit="image", mininterval=1, disable=None):
            yield self._key(name), image.label, to_rgb(image.read(), name, self._rendering)

    def _key(self, name: str) -> str:
        """Return the name under which the data set stores an image. TFDS orders the images by its hash."""
        return name
