"""A file from an address or a path, its checksum verified before anybody reads it.

What breaks off is gone on with, in the same run or a later one, where the server can (RFC 9110, 14: range requests).
No library that is kept up does that and also gives up on a server that trickles.
"""

import hashlib
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import requests
import urllib3
from tqdm import tqdm

from stages.common.files import naming
from stages.common.stage import UserError

DOWNLOADS = Path("data/downloads")  # kept between runs, not an output: whatever is used from here is verified first
TRIES, PAUSE = 4, 1.0  # seconds before the second try, twice as many before each further one
ANSWER, SILENCE = 90, 30  # seconds until a body must begin, and the longest without a byte
SLOWEST, WINDOW = 4096, 60  # bytes a second that must come, averaged over so many seconds
LARGEST = 16 * 2**30  # bytes of a file
REDIRECTS = 10


class _BrokenOffError(Exception):
    """A failure that another try may not meet."""


def fetch(source: str, checksum: str | None, parameter: str) -> Path:
    """Bring a file here.

    Args:
        source: an http(s) address, or a path, which is used where it is.
        checksum: "sha256:..." or "md5:...", or None for no check; then the file's own is printed, to be pinned.
        parameter: that named the source, for the error's sake.

    Returns:
        Where the file is.

    Raises:
        UserError: missing, unreachable, not whole, or another checksum.
    """
    if source.partition("://")[0] in ("http", "https"):
        path = _download(source, checksum, parameter)
    else:
        path = Path(source).expanduser()
        if not path.is_file():
            raise UserError(f"{parameter}: no file {source!r}; give a path or an http(s) address")
        actual = _checksum(path, like=checksum)
        if checksum and actual != checksum:
            expected = checksum.partition(":")[2]
            raise UserError(f"{parameter}: {source} has {actual.replace(':', ' ')}, expected {expected}")
    if not checksum:
        print(f"{source}: {_checksum(path).replace(':', ' ')}")
    return path


def _checksum(path: Path, like: str | None = None) -> str:
    algorithm = (like or "sha256").partition(":")[0]
    with path.open("rb") as file:
        return f"{algorithm}:{hashlib.file_digest(file, algorithm).hexdigest()}"


def _download(url: str, checksum: str | None, parameter: str) -> Path:
    # The checksum is part of the name: another expected checksum is another file, and no stale one is taken for it.
    name = re.sub(r"[^\w.-]", "_", url.rpartition("/")[2])[-80:]
    path = DOWNLOADS / f"{(checksum or 'unverified').rpartition(':')[2][:16]}-{name}"
    part = path.with_name(f".part-{path.name}")
    if checksum and path.exists() and _checksum(path, checksum) == checksum:
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    resumed = True
    while resumed:  # a part of another file may have been gone on with: then once more, from nothing
        resumed = part.exists()
        try:
            _receive_in_tries(url, part, checksum is not None)
        except UserError as error:
            raise UserError(f"{parameter}: {url} {error}") from None
        if checksum is None or _checksum(part, checksum) == checksum:
            return part.replace(path)
        part.unlink()
    raise UserError(f"{parameter}: what {url} gave has another checksum than {checksum}")


def _receive_in_tries(url: str, part: Path, verified: bool) -> None:
    for pause in (0, *(PAUSE * 2**number for number in range(TRIES - 1))):
        time.sleep(pause)
        try:
            with requests.Session() as session:
                session.max_redirects = REDIRECTS
                return _receive(session, url, part, verified)
        except _BrokenOffError as error:
            reason = f"{error}, {TRIES} times"
        except (requests.RequestException, urllib3.exceptions.HTTPError, UnicodeError) as error:
            reason = f"did not answer ({_reason(error)})"
            if not _may_pass(error):
                break
    raise UserError(reason)


def _may_pass(error: Exception) -> bool:
    cause = getattr(error.args[0], "reason", None) if error.args else None
    for_good = (requests.exceptions.SSLError, requests.exceptions.ProxyError, requests.ConnectTimeout)
    if isinstance(error, for_good) or isinstance(cause, urllib3.exceptions.NewConnectionError):  # nobody is there
        return False
    return isinstance(error, (requests.ConnectionError, requests.Timeout))


def _reason(error: Exception) -> str:
    certificate = re.search(r"certificate verify failed[^()]*", str(error))
    return certificate[0].strip() if certificate else type(error).__name__


def _receive(session: requests.Session, url: str, part: Path, verified: bool) -> None:
    """Bring part to its whole length, going on from where it ends where that is safe.

    Args:
        part: what came before, or nothing yet. Beside it lies the address it came from and, in a second line, the ETag.
        verified: a checksum will be compared. Without one, only what has the same strong ETag is gone on with.

    Raises:
        UserError: the server does not give it, and would not another time.
        _BrokenOffError, requests.RequestException: it did not this time.
    """
    origin = part.with_name(f"{part.name}.from")
    came_from, _, tag = origin.read_text(encoding="utf-8").partition("\n") if origin.exists() else ("", "", "")
    tag = tag if came_from == url else ""
    if not (verified or tag):
        part.unlink(missing_ok=True)
    start = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity"}  # a length of what is stored, not of what is sent
    if start:
        headers |= {"Range": f"bytes={start}-"} | ({"If-Range": tag} if tag else {})
    with _deadline(ANSWER):
        answer = session.get(url, headers=headers, stream=True, timeout=SILENCE)
    if url.startswith("https:") and not all(hop.url.startswith("https:") for hop in [*answer.history, answer]):
        raise UserError("leads on to an address that is not https")
    status, said = answer.status_code, answer.headers
    if start and status in (206, 416):
        place = re.fullmatch(r"bytes (?:(\d+)-\d+|\*)/(\d+)", said.get("Content-Range", ""))
        if tag and said.get("ETag", tag) != tag:
            place = None  # another file by now, though If-Range asked
        if place and status == 416 and int(place[2]) == start:
            return  # all of it had come
        if not place or place[1] != str(start):
            part.unlink()
            raise _BrokenOffError(f"answered {status} and did not go on")
        length = int(place[2])
    elif status == 200:
        start = 0
        part.unlink(missing_ok=True)
        length = int(said["Content-Length"]) if said.get("Content-Length", "").isdecimal() else None
        if length is None and not verified and said.get("Transfer-Encoding", "").lower() != "chunked":
            raise UserError("does not say how long its file is, so a part could pass for the whole: give its sha256")
        tag = said.get("ETag", "")
        strong = tag if tag.startswith('"') else ""  # a weak one, W/"...", is of the same meaning, not the same bytes
        with naming(origin):
            origin.write_text(f"{url}\n{strong}", encoding="utf-8")
    elif status >= 500 or status in (408, 429):
        raise _BrokenOffError(f"did not answer ({status})")
    else:
        raise UserError(f"did not answer ({status})")
    with naming(part), part.open("ab") as file:
        _append(answer, file, start, length)


def _append(answer: requests.Response, file: BinaryIO, start: int, length: int | None) -> None:
    """Write a body to where it belongs in a file of that length.

    Raises:
        UserError: it is too slow or too long.
        _BrokenOffError: it ends too soon.
    """
    if (length or 0) > LARGEST:
        raise UserError(f"is a file of {length} bytes; allowed: {LARGEST}")
    there, since, seen = start, time.monotonic(), start
    name = Path(file.name).name.removeprefix(".part-")
    with tqdm(desc=name, total=length, initial=start, unit="B", unit_scale=True, mininterval=1, disable=None) as bar:
        while chunk := _what_is_there(answer, f"broke off after {there} of {length or 'unknown'} bytes"):
            file.write(chunk)
            there += len(chunk)
            bar.update(len(chunk))
            if there > LARGEST:
                file.truncate(0)
                raise UserError(f"gives more than {LARGEST} bytes")
            if (now := time.monotonic()) - since >= WINDOW:
                if there - seen < SLOWEST * WINDOW:
                    raise UserError(f"gave {there - seen} bytes in {WINDOW} seconds, too slow to wait for")
                since, seen = now, there
    if length is not None and there != length:
        raise _BrokenOffError(f"broke off after {there} of {length} bytes")


def _what_is_there(answer: requests.Response, failure: str) -> bytes:
    try:
        return answer.raw.read1(2**16, decode_content=False)  # does not wait for all of that to come
    except urllib3.exceptions.HTTPError:
        raise _BrokenOffError(failure) from None


@contextmanager
def _deadline(seconds: float) -> Iterator[None]:
    """Stop waiting for headers: a server that sends one byte after the other passes every timeout of a socket's."""

    def stop(*_) -> None:
        raise UserError(f"did not answer (within {seconds} seconds)")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
