"""The builder for a user's own images, from a folder or a zip file with one subfolder per class."""

from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from tqdm import tqdm

from eurosat_transfer.data.builders.base import TileBuilder
from eurosat_transfer.data.builders.image_names import check_image_names, class_of, is_image
from eurosat_transfer.data.builders.image_tree import find_in_tree
from eurosat_transfer.data.builders.image_zip import find_in_zip
from eurosat_transfer.data.image_files import to_rgb
from eurosat_transfer.errors import UserError


def find_images(path: Path) -> dict[str, Callable[[], bytes]]:
    """Find the images of a folder or zip file, and print how many other files it has.

    Args:
        path: of the folder or zip file.

    Returns:
        By relative name, such as "River/River_1.jpg", in the order of the names: a function that reads the file.

    Raises:
        UserError: there is nothing at path, it is unsafe to read, or its images are not in two or more class folders.
    """
    if path.is_dir():
        found = find_in_tree(path)
    elif path.is_file():
        found = find_in_zip(path)
    else:
        raise UserError(f"there is no folder or zip file at {str(path)!r}; give the path of one")
    images = {name: found[name] for name in sorted(found) if is_image(PurePosixPath(name))}
    check_image_names(path, images)
    if len(images) < len(found):
        print(f"{path}: {len(found) - len(images)} other files are ignored; JPEG and PNG images are read")
    return images


class Folder(TileBuilder):
    """Images in one folder per class: two or more classes, and images of any size."""

    DESCRIPTION = "Images of one's own, in one folder per class."

    def __init__(self, *, path: str, data_dir: Path | str) -> None:
        """Find the images, without reading them yet.

        Args:
            path: of the folder or zip file.
            data_dir: where TFDS puts the prepared data set.

        Raises:
            UserError: see find_images.
        """
        self._images = find_images(Path(path).expanduser())
        super().__init__(data_dir=data_dir)

    def _classes(self) -> list[str]:
        return sorted({class_of(name) for name in self._images})

    def _tiles(self) -> Iterator[tuple[str, str, bytes]]:
        for name, read in tqdm(self._images.items(), desc="reading images", unit="image", mininterval=1, disable=None):
            yield self._key(name), class_of(name), to_rgb(read(), name)

    def _key(self, name: str) -> str:
        """Return the name under which the data set stores an image. TFDS orders the images by its hash."""
        return name
