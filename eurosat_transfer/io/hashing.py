"""Checksums of files and folders."""

import hashlib
import json
from pathlib import Path


def sha256(path: Path) -> str:
    """Compute the SHA-256 checksum of a file, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def md5(path: Path) -> str:
    """Compute the MD5 sum by which DVC knows an output.

    Args:
        path: a file, or a folder.

    Returns:
        32 hexadecimal digits. For a folder: the sum of the list of its files and their sums, followed by ".dir".
        Compiled modules do not count, because DVC ignores them (.dvcignore).
    """
    if path.is_dir():
        relative = sorted(p.relative_to(path).as_posix() for p in path.rglob("*") if p.is_file())
        counting = [name for name in relative if "__pycache__" not in name.split("/")]
        listed = [{"md5": md5(path / name), "relpath": name} for name in counting]
        return hashlib.md5(json.dumps(listed, sort_keys=True).encode()).hexdigest() + ".dir"
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()
