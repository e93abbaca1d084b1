"""Files from an address or a path, with their checksum."""

import hashlib
import re
from pathlib import Path

from eurosat_transfer.errors import UserError
from eurosat_transfer.io.download_errors import DownloadError
from eurosat_transfer.io.local_path import to_path
from eurosat_transfer.io.resumable import download_resumable

DOWNLOADS = Path("data/downloads")  # kept between runs; no output of a stage, since every use checks the checksum again


def fetch_file(source: str, checksum: str | None, parameter: str) -> Path:
    """Return the path of a local file, or download a file and return its path.

    Interrupted downloads are retried and resumed, in the same run or a later one. A finished download with a checksum
    is used again.

    Args:
        source: an address that starts with http:// or https://, or a path or an address that starts with file://. The
            file is then used where it is.
        checksum: "sha256:<digits>" or "md5:<digits>". None skips the check and prints the file's sha256.
        parameter: that contains the source. Error messages start with it.

    Returns:
        The path of the file.

    Raises:
        UserError: the file is missing, cannot be downloaded, or has another checksum.
    """
    if source.partition("://")[0].lower() in ("http", "https"):
        path = _download(source, checksum, parameter)
    else:
        path = to_path(source, parameter)
        if not path.is_file():
            raise UserError(f"{parameter}: no file {source!r}; give a path or an http(s) address")
        if problem := _mismatch(path, checksum):
            raise UserError(f"{parameter}: {source} {problem}")
    if not checksum:
        print(f"{source}: sha256 {_digest(path, 'sha256')}")
    return path


def _download(url: str, checksum: str | None, parameter: str) -> Path:
    # The name contains the expected checksum, so a file is never resumed or reused for another expected checksum.
    name = re.sub(r"[^\w.-]", "_", url.rpartition("/")[2])[-80:]
    path = DOWNLOADS / f"{(checksum or 'unverified').rpartition(':')[2][:16]}-{name}"
    partial = path.with_name(f".part-{path.name}")
    if checksum and path.exists() and not _mismatch(path, checksum):
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    is_resumed = partial.exists()
    try:
        download_resumable(url, partial, has_checksum=checksum is not None)
        problem = _mismatch(partial, checksum)
        if problem and is_resumed:  # the partial file began with the bytes of another file
            partial.unlink()
            download_resumable(url, partial, has_checksum=True)
            problem = _mismatch(partial, checksum)
    except DownloadError as error:
        raise UserError(f"{parameter}: {url} {error}") from None
    if problem:
        partial.unlink()
        raise UserError(f"{parameter}: the file from {url} {problem}")
    return partial.replace(path)


def _mismatch(path: Path, checksum: str | None) -> str:
    """Describe how a file's checksum differs from the expected one; "" if it does not, or if none is expected."""
    if checksum is None:
        return ""
    algorithm, _, expected = checksum.partition(":")
    actual = _digest(path, algorithm)
    if actual == expected:
        return ""
    return f"has {algorithm} {actual}, expected {expected}; give the right file or correct the checksum"


def _digest(path: Path, algorithm: str) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()
