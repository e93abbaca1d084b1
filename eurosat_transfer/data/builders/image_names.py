"""The rules for the names of images, which name the class too: "River/River_1.jpg" is of class "River"."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path, PurePath, PurePosixPath

from eurosat_transfer.errors import UserError

SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff")
TABLE = "labels.csv"  # gives images their labels; see labels_table
SHOWN = 10  # names in a message

# Folders in which file managers and storage devices keep previews, deleted files and data of their own, in lower case.
SYSTEM_FOLDERS = frozenset(
    {
        "__macosx",  # macOS, in zip files
        "@eadir", "#recycle", "#snapshot", "@sharebin", "@tmp",  # Synology
        "@recycle", "@recently-snapshot", "@__thumb",  # QNAP
        "$recycle.bin", "recycler", "system volume information",  # Windows
        "lost+found",  # ext4
        "network trash folder", "temporary items",  # macOS, on shared folders
    }
)  # fmt: skip


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
    """Tell whether a file is hidden, or is in a hidden folder or in one of SYSTEM_FOLDERS.

    Args:
        name: relative to the folder or zip file of the images.
    """
    return any(is_hidden_part(part) for part in name.parts)


def is_hidden_part(part: str) -> bool:
    """Tell whether a file or folder of that name is hidden, with everything in it."""
    return (part.startswith(".") and part != "..") or part.lower() in SYSTEM_FOLDERS


def class_of(name: str) -> str:
    """Return the name of the folder that an image is in: its class. An image in no folder has the class ""."""
    return PurePosixPath(name).parent.name


def check_image_names(source: Path, names: Iterable[str]) -> None:
    """Check that the names of images give every image a class, and every class a name that TFDS can store.

    All class folders are at the same depth. Otherwise a preview beside them, or a folder inside one of them, would
    become a class.

    Args:
        source: the folder or zip file of the images, for error messages.
        names: of all images.

    Raises:
        UserError: there are fewer than two classes, an image is in no class folder or not as deep as the others, a
            class has two folders, or a name cannot be stored.
    """
    names = list(names)
    check_utf8(source, names)
    _check_depth(source, names)
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
    check_distinct(folders, f"{source}: the class folders", "rename one of them")


def _check_depth(source: Path, names: Sequence[str]) -> None:
    """Refuse images that are not as deep in the folders as most of them are."""
    depths = Counter(name.count("/") for name in names)
    if len(depths) < 2:
        return
    usual = max(depths, key=lambda depth: (depths[depth], depth))
    strays = [name for name in names if name.count("/") != usual]
    example = next(name for name in names if name.count("/") == usual)
    raise UserError(
        f"{source}: {len(strays)} of {len(names)} images are not at the level of the others, such as {example!r}: "
        f"{join_names(strays)}; needed: all images directly in class folders of one level; move or remove these, or "
        "write the table labels.csv"
    )


def join_names(names: Sequence[str]) -> str:
    """List names for a message: the first SHOWN of them, and how many more there are."""
    listed = ", ".join(map(repr, islice(names, SHOWN)))
    return listed + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


def check_distinct(labels: Iterable[str], subject: str, advice: str) -> None:
    """Check that the names of classes look different.

    Names that differ only in upper and lower case may be meant, as those of letters are. A line tells the user.

    Args:
        labels: the names of the classes.
        subject: what the message begins with, before the names.
        advice: what the message ends with.

    Raises:
        UserError: two names are the same text in different Unicode forms: macOS writes an accent as a character of its
            own, other systems do not.
    """
    forms: dict[str, str] = {}
    cases: dict[str, str] = {}
    for label in labels:
        form = unicodedata.normalize("NFC", label)
        if form in forms:
            raise UserError(f"{subject} {forms[form]!a} and {label!a} are the same text in two Unicode forms; {advice}")
        forms[form] = label
        other = cases.setdefault(form.casefold(), label)
        if other != label:
            print(f"{subject} {other!r} and {label!r} differ only in upper and lower case: they are two classes")


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
