"""The body of an HTTP response is copied to a file within limits of time and size."""

import functools
import io
import threading
from types import SimpleNamespace

import pytest
import urllib3
from tqdm import tqdm

from eurosat_transfer.io import http_body
from eurosat_transfer.io.download_errors import DownloadError, TransientError
from eurosat_transfer.io.http_body import copy_body

MINUTE_BYTES = http_body.MIN_BYTES_PER_SECOND * http_body.WINDOW_SECONDS


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """Copy a body to a file: copy([(seconds, chunk), ...], length) -> the file's content and the error, if any.

    A chunk is the bytes, or an exception, that arrive so many seconds after the previous one.
    """

    def start(chunks, length=None, before=b""):
        now, arriving = [1000.0], iter(chunks)

        def read1(_size, decode_content):
            assert decode_content is False
            seconds, chunk = next(arriving, (0, b""))
            now[0] += seconds
            if isinstance(chunk, Exception):
                raise chunk
            return chunk

        monkeypatch.setattr(http_body, "time", SimpleNamespace(monotonic=lambda: now[0]))
        path = tmp_path / ".part-tiles.zip"
        path.write_bytes(before)
        error = None
        with path.open("ab") as file:
            try:
                copy_body(SimpleNamespace(raw=SimpleNamespace(read1=read1)), file, len(before), length)
            except DownloadError as raised:
                error = raised
        return path.read_bytes(), error

    return start


def test_a_body_is_appended(copy):
    assert copy([(0, b"cd"), (0, b"e")], 5, before=b"ab") == (b"abcde", None)
    assert copy([(0, b"cd"), (0, b"e")], None) == (b"cde", None)
    assert copy([], 0) == (b"", None)


@pytest.mark.parametrize("chunks", [[(0, b"cd")], [(0, b"cd"), (0, b"efg")]])
def test_a_body_of_another_length_is_a_transient_error(copy, chunks):
    content, error = copy(chunks, 6, before=b"ab")
    assert isinstance(error, TransientError)
    assert str(error) == f"closed the connection after {len(content)} of 6 bytes"


@pytest.mark.parametrize(("length", "words"), [(6, "6"), (None, "an unknown number of")])
def test_a_broken_connection_is_a_transient_error(copy, length, words):
    content, error = copy([(0, b"cd"), (0, urllib3.exceptions.ProtocolError())], length, before=b"ab")
    assert content == b"abcd"
    assert isinstance(error, TransientError)
    assert str(error) == f"closed the connection after 4 of {words} bytes"


def test_a_body_at_the_lowest_speed_is_copied(copy):
    content, error = copy([(20, bytes(MINUTE_BYTES // 3))] * 12)
    assert len(content) == 4 * MINUTE_BYTES
    assert error is None


@pytest.mark.parametrize("fast", [0, 1, 7])
def test_a_body_that_is_too_slow_is_an_error_after_any_number_of_fast_windows(copy, fast):
    chunks = [(20, bytes(MINUTE_BYTES))] * 3 * fast + [(20, bytes(10))] * 9
    content, error = copy(chunks)
    assert len(content) == 3 * fast * MINUTE_BYTES + 30
    assert type(error) is DownloadError  # not retried
    assert str(error).startswith("is too slow: it sent 30 bytes in 60 seconds, expected at least 245760; ")


def test_a_body_that_declares_too_many_bytes_is_an_error(copy, monkeypatch):
    monkeypatch.setattr(http_body, "MAX_BYTES", 4)
    assert copy([(0, b"cd")], 4, before=b"ab") == (b"abcd", None)
    content, error = copy([(0, b"cd")], 5, before=b"ab")
    assert content == b"ab"
    assert type(error) is DownloadError
    assert str(error) == "offers a file of 5 bytes, allowed are 4; check the address"


def test_an_endless_body_is_an_error_and_its_file_is_emptied(copy, monkeypatch):
    monkeypatch.setattr(http_body, "MAX_BYTES", 4)
    assert copy([(0, b"cd")], None, before=b"ab") == (b"abcd", None)
    content, error = copy([(0, b"cde")] * 9, None, before=b"ab")
    assert content == b""
    assert type(error) is DownloadError
    assert str(error) == "sends more than the allowed 4 bytes; check the address"


class IsolatedBar(tqdm):
    """A progress bar with its own lock. mutmut's processes share tqdm's, and one that fails may leave it locked."""

    monitor_interval = 0


IsolatedBar.set_lock(threading.RLock())


def test_a_terminal_shows_the_progress(copy, monkeypatch):
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr(http_body, "tqdm", functools.partial(IsolatedBar, file=terminal))
    copy([(0, bytes(150_000))], 200_000, before=bytes(50_000))
    first, *_, last = terminal.getvalue().split("\r")[1:]
    assert first.startswith("tiles.zip:  25%")
    assert "50.0k/200k" in first
    assert "200k/200k" in last
    assert last.rstrip().endswith("B/s]")


def test_no_progress_is_shown_outside_a_terminal(copy, capsys):
    copy([(0, b"ab")], 2)
    assert capsys.readouterr().err == ""
