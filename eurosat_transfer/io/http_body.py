"""Copies the body of an HTTP response to a file, within limits."""

import time
from pathlib import Path
from typing import BinaryIO

import requests
import urllib3
from tqdm import tqdm

from eurosat_transfer.io.download_errors import DownloadError, TransientError

MAX_BYTES = 16 * 2**30  # of a file
MIN_BYTES_PER_SECOND = 4096  # averaged over a window of time
WINDOW_SECONDS = 60
CHUNK_BYTES = 2**16


def copy_body(response: requests.Response, file: BinaryIO, start: int, length: int | None) -> None:
    """Append the body of a response to a file.

    Args:
        response: requested with stream=True.
        file: opened for appending, with start bytes in it. What arrived stays in it after an error.
        start: the position of the body's first byte in the complete file.
        length: of the complete file in bytes, or None if the server did not send it.

    Raises:
        DownloadError: the file is too large or the server is too slow.
        TransientError: the connection broke before the end.
    """
    if length is not None and length > MAX_BYTES:
        raise DownloadError(f"offers a file of {length} bytes, allowed are {MAX_BYTES}; check the address")
    position = window_position = start
    window_start = time.monotonic()
    name = Path(file.name).name.removeprefix(".part-")
    # disable=None hides the progress bar where standard error is not a terminal.
    with tqdm(desc=name, total=length, initial=start, unit="B", unit_scale=True, mininterval=1, disable=None) as bar:
        while chunk := _read_chunk(response, position, length):
            file.write(chunk)
            position += len(chunk)
            bar.update(len(chunk))
            if position > MAX_BYTES:
                file.truncate(0)
                raise DownloadError(f"sends more than the allowed {MAX_BYTES} bytes; check the address")
            now = time.monotonic()
            if now - window_start >= WINDOW_SECONDS:
                _check_speed(position - window_position)
                window_start, window_position = now, position
    if length is not None and position != length:
        raise TransientError(_broken_off(position, length))


def _read_chunk(response: requests.Response, position: int, length: int | None) -> bytes:
    try:
        # read1 returns what has arrived. read would wait for a full chunk, longer than any window of time.
        return response.raw.read1(CHUNK_BYTES, decode_content=False)
    except urllib3.exceptions.HTTPError:
        raise TransientError(_broken_off(position, length)) from None


def _check_speed(received: int) -> None:
    expected = MIN_BYTES_PER_SECOND * WINDOW_SECONDS
    if received < expected:
        raise DownloadError(
            f"is too slow: it sent {received} bytes in {WINDOW_SECONDS} seconds, expected at least {expected:.0f}; "
            "run the command again later to resume"
        )


def _broken_off(position: int, length: int | None) -> str:
    return f"closed the connection after {position} of {length or 'an unknown number of'} bytes"
