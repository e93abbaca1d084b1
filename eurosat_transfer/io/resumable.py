"""HTTP downloads that resume a partial file (RFC 9110, sections 13.1.5 and 14).

No maintained library does this safely, so we use requests and tenacity:

- pooch (https://github.com/fatiando/pooch) and keras.utils.get_file start again after an interruption.
- huggingface_hub sends Range without If-Range, so it appends the bytes of a changed file:
  https://github.com/huggingface/huggingface_hub/pull/4143.
- pypdl (https://github.com/mjishnu/pypdl) appends the body of a response without checking its status or ETag.
- pycurl has a minimum speed, but it leaves the checks of a resumed response to us.
- urllib3.util.Retry does not retry after a response's headers, so it does not cover a broken body.
"""

import re
from pathlib import Path

import requests
import urllib3
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from eurosat_transfer.io.atomic import name_os_errors
from eurosat_transfer.io.certificates import wrong_certificates
from eurosat_transfer.io.deadline import deadline
from eurosat_transfer.io.download_errors import DownloadError, TransientError
from eurosat_transfer.io.http_body import copy_body

ATTEMPTS = 4
FIRST_PAUSE_SECONDS = 1.0  # before the second attempt; every further pause is twice as long
HEADER_SECONDS = 90  # from the request to the end of the response's headers
SOCKET_SECONDS = 30  # without any byte
MAX_REDIRECTS = 10


def download_resumable(url: str, partial: Path, has_checksum: bool) -> None:
    """Download a file. Resume a partial file where this is safe, and retry after interruptions.

    The partial file stays when all attempts fail, and a later call resumes it. A text file beside it, with ".from"
    appended to its name, stores its address in the first line and its strong ETag, if any, in the second.

    Args:
        url: an http or https address.
        partial: where to write the file. Its folder exists.
        has_checksum: whether the caller compares a checksum afterwards. If not, only a partial file from the same
            address and with the same strong ETag is resumed.

    Raises:
        DownloadError: the file cannot be downloaded; the message continues a sentence that starts with the address.
    """
    retrying = Retrying(
        retry=retry_if_exception_type(TransientError),
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_exponential(multiplier=FIRST_PAUSE_SECONDS),
        reraise=True,
    )
    try:
        retrying(_attempt, url, partial, has_checksum)
    except TransientError as error:
        raise DownloadError(f"failed {ATTEMPTS} times; the last time it {error}; try again later") from None


def _attempt(url: str, partial: Path, has_checksum: bool) -> None:
    etag = _read_etag(partial, url)
    if not (has_checksum or etag):
        partial.unlink(missing_ok=True)
    start = partial.stat().st_size if partial.exists() else 0
    with requests.Session() as session:
        response = _request(session, url, start, etag)
        length: int | None
        if start and response.status_code in (206, 416):
            length = _check_resumed(response, partial, start, etag)
            if response.status_code == 416:
                return  # the partial file is complete
        elif response.status_code == 200:
            start = 0
            partial.unlink(missing_ok=True)
            length = _read_length(response, has_checksum)
            _write_origin(partial, url, response.headers.get("ETag", ""))
        else:
            raise _status_error(response.status_code)
        with name_os_errors(partial), partial.open("ab") as file:
            copy_body(response, file, start, length)


def _request(session: requests.Session, url: str, start: int, etag: str) -> requests.Response:
    """Request the bytes of a file from start on, and wait for the response's headers."""
    session.max_redirects = MAX_REDIRECTS
    headers = {"Accept-Encoding": "identity"}  # lengths and positions count the bytes of the file
    if start:
        headers["Range"] = f"bytes={start}-"
        if etag:
            headers["If-Range"] = etag
    too_late = DownloadError(f"did not answer within {HEADER_SECONDS} seconds; try again later")
    try:
        with deadline(HEADER_SECONDS, too_late):
            response = session.get(url, headers=headers, stream=True, timeout=SOCKET_SECONDS)
    except (OSError, urllib3.exceptions.HTTPError, UnicodeError) as error:  # requests' own exceptions are OSErrors
        raise _connection_error(error) from None
    for hop in (*response.history, response):
        if url.lower().startswith("https:") and not hop.url.startswith("https:"):
            raise DownloadError(f"redirects to {hop.url}, but only https is allowed after https; check the address")
    return response


def _check_resumed(response: requests.Response, partial: Path, start: int, etag: str) -> int:
    """Return the length of the complete file if a response continues a partial file; otherwise delete that file.

    A server that ignores If-Range may answer with the bytes of another file. Then the ETag differs.
    """
    pattern = rf"bytes {start}-[0-9]+/([0-9]{{1,19}})" if response.status_code == 206 else rf"bytes \*/({start})"
    content_range = response.headers.get("Content-Range", "")
    match = re.fullmatch(pattern, content_range)
    if match and (not etag or response.headers.get("ETag", etag) == etag):
        return int(match[1])
    partial.unlink()
    raise TransientError(
        f"answered with HTTP status {response.status_code} and Content-Range {content_range!r}, "
        f"which does not continue the partial file at byte {start}"
    )


def _read_length(response: requests.Response, has_checksum: bool) -> int | None:
    """Return the length of a new file in bytes, or None if the server does not send it."""
    length = response.headers.get("Content-Length", "")
    if re.fullmatch("[0-9]{1,100}", length):
        return int(length)
    # A chunked body marks its end. Without mark and length, a broken connection looks like the end of the file.
    if not has_checksum and response.headers.get("Transfer-Encoding", "").lower() != "chunked":
        raise DownloadError("does not send the file's length, so the file may be incomplete; give its sha256")
    return None


def _status_error(status: int) -> DownloadError:
    if status >= 500 or status in (408, 429):
        return TransientError(f"answered with HTTP status {status}")
    return DownloadError(f"answered with HTTP status {status}, expected 200; check the address")


def _connection_error(error: Exception) -> DownloadError:
    unchecked = isinstance(error, requests.exceptions.SSLError) or not isinstance(error, requests.RequestException)
    if unchecked and (wrong := wrong_certificates(())):
        return DownloadError(f"could not be asked, because its certificate cannot be checked: {wrong}")
    certificate = re.search(r"certificate verify failed[^()]*", str(error))
    reason = certificate[0].strip() if certificate else type(error).__name__
    if "SOCKS" in str(error):  # requests.exceptions.InvalidSchema
        return DownloadError(
            "cannot be reached through the SOCKS proxy that the environment names (ALL_PROXY, HTTPS_PROXY or "
            "HTTP_PROXY), because the package PySocks is missing: run `pip install pysocks`, or unset the variable"
        )
    if isinstance(error, (requests.exceptions.ProxyError, requests.exceptions.InvalidProxyURL)):
        return DownloadError(
            f"cannot be reached through the proxy that the environment names (HTTPS_PROXY, HTTP_PROXY or ALL_PROXY; "
            f"{reason}): correct the variable, or unset it"
        )
    # Nobody listens at the address, so further attempts would only cost time.
    permanent = (requests.exceptions.SSLError, requests.ConnectTimeout)
    cause = getattr(error.args[0], "reason", None) if error.args else None
    is_permanent = isinstance(error, permanent) or isinstance(cause, urllib3.exceptions.NewConnectionError)
    if isinstance(error, (requests.ConnectionError, requests.Timeout)) and not is_permanent:
        return TransientError(f"did not answer ({reason})")
    return DownloadError(f"did not answer ({reason}); check the address and the network")


def _read_etag(partial: Path, url: str) -> str:
    """Return the strong ETag of a partial file, or "" if it has none or comes from another address."""
    origin = _origin(partial)
    if not origin.exists():
        return ""
    stored_url, _, etag = origin.read_text(encoding="utf-8").partition("\n")
    return etag if stored_url == url else ""


def _write_origin(partial: Path, url: str, etag: str) -> None:
    strong = etag if etag.startswith('"') else ""  # a weak one, W/"...", stands for equivalent but not equal bytes
    origin = _origin(partial)
    with name_os_errors(origin):
        origin.write_text(f"{url}\n{strong}", encoding="utf-8")


def _origin(partial: Path) -> Path:
    return partial.with_name(f"{partial.name}.from")
