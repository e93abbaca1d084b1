"""The rules for the names of images, which name the class too: "River/River_1.jpg" is of class "River"."""

from collections.abc import Iterable
from pathlib import Path, PurePath, PurePosixPath

from eurosat_transfer.errors import UserError

SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff")
TABLE = "labels.csv"  # gives images their labels; see labels_table
HIDDEN = (".", "__MACOSX")  # prefixes of hidden files and folders. macOS adds a folder __MACOSX to zip files.


def is_image(name: PurePath) -> bool:
    """Tell whether a name is that of a JPEG, PNG or GeoTIFF file which is not hidden.

    Args:
        name: relative to the folder or zip file of the images. An image in a hidden folder is hidden too.
    """
    return name.suffix.lower() in SUFFIXES and not is_hidden(name)


def is_read(name: PurePath) -> bool:
    """Tell whether the builder may read a file of that name: an image, or the table of labels.

    Args:
        name: relative to the folder or zip file of the images.
    """
    return is_image(name) or (name.name == TABLE and not is_hidden(name))


def is_hidden(name: PurePath) -> bool:
    """Tell whether a file is hidden, or is in a hidden folder.

    Args:
        name: relative to the folder or zip file of the images.
    """
    return any(part.startswith(HIDDEN) for part in name.parts)


def class_of(name: str) -> str:
    """Return the name of the folder that an image is in: its class. An image in no folder has the class ""."""
    return PurePosixPath(name).parent.name


def check_image_names(source: Path, names: Iterable[str]) -> None:
    """Check that the names of images give every image a class, and every class a name that TFDS can store.

    Args:
        source: the folder or zip file of the images, for error messages.
        names: of all images.

    Raises:
        UserError: there are fewer than two classes, an image is in no class folder, a class has two folders, or a name
            cannot be stored.
    """
    names = list(names)
    check_utf8(source, names)
    classes = {class_of(name) for name in names}
    if len(classes) < 2 or "" in classes:
        found = ", ".join(sorted(classes - {""})) or "none"
        raise UserError(
            f"{source} has {len(names)} JPEG, PNG or GeoTIFF images, in these class folders: {found}; needed: two or "
            "more class folders, and no image outside of them, such as River/River_1.jpg, or the table labels.csv"
        )
    folders: dict[str, str] = {}
    for name in names:
        label, folder = class_of(name), str(PurePosixPath(name).parent)
        check_storable(label, f"{source}: the class folder", "rename the folder")
        if folders.setdefault(label, folder) != folder:
            raise UserError(
                f"{source} has two folders for class {label!r}: {folders[label]!r} and {folder!r}; "
                "move all images of a class into one folder"
            )


def check_utf8(source: Path, names: Iterable[str]) -> None:
    """Check that the names of images can be stored.

    Args:
        source: the folder or zip file of the images, for error messages.
        names: of all images.

    Raises:
        UserError: a name has bytes that are not UTF-8.
    """
    for name in names:
        if name.encode(errors="ignore").decode() != name:
            raise UserError(f"{source}: the file name {name!r} is not valid UTF-8; rename the file")


def check_storable(label: str, subject: str, advice: str) -> None:
    """Check that TFDS can store the name of a class: it writes one name per line, without outer spaces.

    Args:
        label: the name of the class.
        subject: what the message begins with, before the name.
        advice: what the message ends with.

    Raises:
        UserError: the name cannot be stored.
    """
    if label != label.strip() or not label.isprintable():
        raise UserError(
            f"{subject} {label!r} begins or ends with a space, or has a character that cannot be printed; {advice}"
        )
