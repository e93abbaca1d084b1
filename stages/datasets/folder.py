"""A user's own images: a class/name.jpg tree, or a zip of one."""

import os
import stat
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath

from tqdm import tqdm

from stages.common.files import DAMAGED, check_packing
from stages.common.stage import UserError
from stages.datasets.builder import TileBuilder, as_rgb

SUFFIXES = (".jpg", ".jpeg", ".png")
LARGEST = 64 * 2**20  # bytes of one image file, packed or unpacked


def find_images(path: Path) -> dict[str, Callable[[], bytes]]:
    """Find the images of a tree or zip without unpacking it.

    Returns:
        Relative name ("River/River_1.jpg") -> a function that reads the file; in the order of the names.

    Raises:
        UserError: no such path, no zip, fewer than two classes, or a member that is given twice, is too large, leads
            out of the tree or is no file.
    """
    if path.is_dir():
        found = {p.relative_to(path).as_posix(): _reader(path, p) for p in path.rglob("*") if _is_file(path, p)}
    elif path.is_file():
        found = _members(path)
    else:
        raise UserError(f"no folder and no zip at {str(path)!r}")
    images = {name: found[name] for name in sorted(found) if _is_image(PurePosixPath(name))}
    classes = {class_of(name) for name in images} - {""}
    if len(classes) < 2 or any(class_of(name) == "" for name in images):
        what = f"{len(images)} JPEG or PNG images in {len(classes)} class folders"
        names = f" ({', '.join(sorted(classes))})" if classes else ""
        raise UserError(f"{path} has {what}{names}; needed: class/name.jpg, two classes or more")
    _check_names(path, images)
    if len(images) < len(found):
        print(f"{path}: {len(found) - len(images)} files that are neither JPEG nor PNG left out")
    return images


def class_of(name: str) -> str:
    """Name of the folder that an image lies in."""
    return PurePosixPath(name).parent.name


def _check_names(path: Path, images: Iterable[str]) -> None:
    parents = {}
    for name in images:
        label, parent = class_of(name), str(PurePosixPath(name).parent)
        if name.encode(errors="ignore").decode() != name:
            raise UserError(f"{path}: the name {name!r} is not in UTF-8")
        if label != label.strip() or not label.isprintable():  # TFDS keeps the names one a line, stripped
            raise UserError(f"{path}: class name {label!r} has blanks at its ends or unprintable characters")
        if parents.setdefault(label, parent) != parent:
            raise UserError(f"{path} has class {label!r} twice: {parents[label]!r} and {parent!r}")


def _is_image(name: PurePosixPath) -> bool:
    hidden = any(part.startswith((".", "__MACOSX")) for part in name.parts)
    return name.suffix.lower() in SUFFIXES and not hidden


def _is_file(tree: Path, path: Path) -> bool:
    """Whether a path in a tree is a file, opening nothing: a pipe would wait for ever.

    Raises:
        UserError: a symbolic link that leads nowhere, round in a circle, to a folder or out of the tree; or what has
            an image's name and is no file.
    """
    if path.is_symlink():
        target = Path(os.path.realpath(path))
        if not (target.is_file() and target.is_relative_to(os.path.realpath(tree))):
            raise UserError(f"{tree}: {_name(tree, path)!r} is a symbolic link; allowed: to a file inside the folder")
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode) and _is_image(path.relative_to(tree)):
        raise UserError(f"{tree}: {_name(tree, path)!r} is a pipe, a device or a socket; allowed: a file")
    return stat.S_ISREG(mode)


def _name(tree: Path, path: Path) -> str:
    return path.relative_to(tree).as_posix()


def _reader(tree: Path, path: Path) -> Callable[[], bytes]:
    def read() -> bytes:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise UserError(f"{tree}: {_name(tree, path)!r} has {path.stat().st_size} bytes; allowed: {LARGEST}")
        return content

    return read


def _members(path: Path) -> dict[str, Callable[[], bytes]]:
    try:
        archive = zipfile.ZipFile(path)
    except (*DAMAGED, OSError) as error:
        raise UserError(f"{path} is no zip, or a truncated one: {error}") from None
    members: dict[str, Callable[[], bytes]] = {}
    for info in archive.infolist():
        name = PurePosixPath(info.filename)
        if name.is_absolute() or ".." in name.parts:
            raise UserError(f"{path}: {info.filename!r} lies outside of the archive")
        if stat.S_ISLNK(info.external_attr >> 16):
            raise UserError(f"{path}: {info.filename!r} is a symbolic link")
        if info.is_dir():
            continue
        if info.filename in members:
            raise UserError(f"{path} holds {info.filename!r} twice")
        if info.file_size > LARGEST and _is_image(name):
            raise UserError(f"{path}: {info.filename!r} unpacks to {info.file_size} bytes; allowed: {LARGEST}")
        members[info.filename] = lambda info=info: _read_member(archive, info)
    return members


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    try:
        check_packing(archive, [info])
        with archive.open(info) as member:
            # One more than it says it has: its end is looked for, and its checksum compared there. Without a number
            # zipfile would unpack 2 GB of a liar before it counts.
            return member.read(info.file_size + 1)
    except (*DAMAGED, OSError) as error:
        raise UserError(f"{archive.filename}: {info.filename!r} cannot be read: {error}") from None


class Folder(TileBuilder, skip_registration=True):
    """Images in a folder a class, of any number of classes from 2 and of any sizes.

    Args:
        path: the tree or zip.
        data_dir: where TFDS puts the prepared data set.
    """

    DESCRIPTION = "A folder of images, a subfolder a class."

    def __init__(self, *, path: str, **kwargs):
        self._images = find_images(Path(path).expanduser())
        super().__init__(**kwargs)

    def _classes(self) -> list[str]:
        return sorted({class_of(name) for name in self._images})

    def _tiles(self) -> Iterator[tuple[str, str, bytes]]:
        for name, read in tqdm(self._images.items(), desc="reading images", unit="image", mininterval=1, disable=None):
            yield self._key(name), class_of(name), as_rgb(read(), name)

    def _key(self, name: str) -> str:
        return name
