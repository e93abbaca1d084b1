"""The rules for the names of images, which name the class too: "River/River_1.jpg" is of class "River"."""

from collections.abc import Iterable
from pathlib import Path, PurePath, PurePosixPath

from eurosat_transfer.errors import UserError

SUFFIXES = (".jpg", ".jpeg", ".png")
HIDDEN = (".", "__MACOSX")  # prefixes of hidden files and folders. macOS adds a folder __MACOSX to zip files.


def is_image(name: PurePath) -> bool:
    """Tell whether a name is that of a JPEG or PNG file which is not hidden.

    Args:
        name: relative to the folder or zip file of the images. An image in a hidden folder is hidden too.
    """
    return name.suffix.lower() in SUFFIXES and not any(part.startswith(HIDDEN) for part in name.parts)


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
    classes = {class_of(name) for name in names}
    if len(classes) < 2 or "" in classes:
        found = ", ".join(sorted(classes - {""})) or "none"
        raise UserError(
            f"{source} has {len(names)} JPEG or PNG images, in these class folders: {found}; needed: two or more class "
            "folders, and no image outside of them, such as River/River_1.jpg"
        )
    folders: dict[str, str] = {}
    for name in names:
        label, folder = class_of(name), str(PurePosixPath(name).parent)
        if name.encode(errors="ignore").decode() != name:
            raise UserError(f"{source}: the file name {name!r} is not valid UTF-8; rename the file")
        if label != label.strip() or not label.isprintable():  # TFDS stores one name per line, without outer spaces
            raise UserError(
                f"{source}: the class folder {label!r} begins or ends with a space, or has a character that cannot be "
                "printed; rename the folder"
            )
        if folders.setdefault(label, folder) != folder:
            raise UserError(
                f"{source} has two folders for class {label!r}: {folders[label]!r} and {folder!r}; "
                "move all images of a class into one folder"
            )
