"""A file from an address or a path, its checksum verified before anybody reads it."""

from pathlib import Path

import pooch
import requests

from stages.common.stage import UserError

DOWNLOADS = Path("data/downloads")  # kept between runs, not an output: whatever is used from here is verified first


def fetch(source: str, checksum: str | None, parameter: str) -> Path:
    """Bring a file here.

    Args:
        source: an http(s) address, or a path, which is used where it is.
        checksum: "sha256:..." or "md5:...", or None for no check; then the file's own is printed, to be pinned.
        parameter: that named the source, for the error's sake.

    Returns:
        Where the file is.

    Raises:
        UserError: missing, unreachable, or another checksum.
    """
    if source.partition("://")[0] in ("http", "https"):
        return _download(source, checksum, parameter)
    path = Path(source).expanduser()
    if not path.is_file():
        raise UserError(f"{parameter}: no file {source!r}; give a path or an http(s) address")
    algorithm, _, expected = (checksum or "sha256:").partition(":")
    actual = pooch.file_hash(str(path), alg=algorithm)
    if expected and actual != expected:
        raise UserError(f"{parameter}: {source} has {algorithm} {actual}, expected {expected}")
    if not expected:
        print(f"{source}: sha256 {actual}")
    return path


def _download(url: str, checksum: str | None, parameter: str) -> Path:
    # The checksum is part of the name: another expected checksum is another file, and no stale one is taken for it.
    name = f"{(checksum or 'unverified').rpartition(':')[2][:16]}-{url.rpartition('/')[2]}"
    if checksum is None:
        (DOWNLOADS / name).unlink(missing_ok=True)
    try:
        downloader = pooch.HTTPDownloader(progressbar=True, timeout=30)
        return Path(pooch.retrieve(url, checksum, fname=name, path=DOWNLOADS, downloader=downloader))
    except requests.RequestException as error:
        reason = error.response.status_code if error.response is not None else type(error).__name__
        raise UserError(f"{parameter}: {url} did not answer ({reason})") from None
    except ValueError:
        raise UserError(f"{parameter}: what {url} gave has another checksum than {checksum}") from None
