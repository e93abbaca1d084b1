"""Downloads from servers that misbehave: the result is the right file or a one-line error."""

import datetime
import hashlib
import http.server
import ipaddress
import itertools
import os
import re
import resource
import socket
import ssl
import struct
import sys
import threading
import time
from pathlib import Path

import pytest
from conftest import REPOSITORY, run
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from eurosat_transfer.errors import UserError
from eurosat_transfer.io import http_body, resumable
from eurosat_transfer.io.download import DOWNLOADS, fetch_file

CONTENT = bytes(i * i % 251 for i in range(200_000))
OTHER_CONTENT = CONTENT[::-1]
MD5 = f"md5:{hashlib.md5(CONTENT).hexdigest()}"
SHA256 = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
NAME = f"{SHA256[7:23]}-EuroSAT.zip"
ETAG, OTHER_ETAG = '"one"', '"two"'
UNREACHABLE = "http://127.0.0.1:9/EuroSAT.zip"

either_way = pytest.mark.parametrize("checksum", [SHA256, None], ids=["checksum", "no checksum"])


@pytest.fixture(autouse=True)
def working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(resumable, "FIRST_PAUSE_SECONDS", 0.01)


@pytest.fixture
def start_server():
    """Start a server: start_server(*replies) -> its address and the list of the requests' headers.

    A reply is a function of the request handler. The last reply answers all further requests.
    """
    servers = []

    def start(*replies, certificate=None):
        requests, next_reply = [], itertools.chain(replies, itertools.repeat(replies[-1]))

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                requests.append({name.lower(): value for name, value in self.headers.items()})
                next(next_reply)(self)
                self.close_connection = True

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(server)
        scheme = "https" if certificate else "http"
        return f"{scheme}://127.0.0.1:{server.server_port}/EuroSAT.zip", requests

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def reply(status, body=b"", **headers):
    """Send a status, headers (None leaves one out) and a body."""

    def send(handler):
        handler.send_response(status)
        for name, value in {"Content_Length": len(body), **headers}.items():
            if value is not None:
                handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return send


def complete(content=CONTENT, **headers):
    return reply(200, content, **headers)


def interrupted(sent, content=CONTENT, reset=False, **headers):
    """Announce the complete file, send a part of it, and close or reset the connection."""

    def send(handler):
        reply(200, content[:sent], **{"Content_Length": len(content), **headers})(handler)
        handler.wfile.flush()
        if reset:
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            handler.connection.close()

    return send


def resuming(content=CONTENT, most=None, **headers):
    """Reply as a server that supports ranges and If-Range. It sends at most so many bytes of a range."""

    def send(handler):
        requested = handler.headers.get("Range")
        if requested is None or handler.headers.get("If-Range", headers.get("ETag")) != headers.get("ETag"):
            return complete(content, **headers)(handler)
        start = int(requested.removeprefix("bytes=").removesuffix("-"))
        if start >= len(content):
            return reply(416, b"<html>416</html>", Content_Range=f"bytes */{len(content)}", **headers)(handler)
        body = content[start:][:most]
        content_range = f"bytes {start}-{start + len(body) - 1}/{len(content)}"
        return reply(206, body, Content_Range=content_range, **headers)(handler)

    return send


def partial_content(content, start, **headers):
    """Reply with the bytes from start on, whatever was requested."""
    content_range = f"bytes {start}-{len(content) - 1}/{len(content)}"
    return reply(206, content[start:], **{"Content_Range": content_range, **headers})


def slow(head):
    """Send a head, then one byte every 20 ms until the client hangs up."""

    def send(handler):
        try:
            handler.wfile.write(head)
            for _ in range(500):
                handler.wfile.write(b"x")
                time.sleep(0.02)
        except OSError:
            pass

    return send


def ranges(requests):
    return [request.get("range") for request in requests]


def write_partial(content, name=NAME):
    DOWNLOADS.mkdir(parents=True, exist_ok=True)
    (DOWNLOADS / f".part-{name}").write_bytes(content)


def assert_fails(message, url, checksum=SHA256):
    """Check that a download fails with a one-line message (a pattern) and leaves no file that looks complete."""
    with pytest.raises(UserError, match=message) as failure:
        fetch_file(url, checksum, "data.url")
    assert "\n" not in str(failure.value)
    assert str(failure.value).startswith("data.url: ")
    assert not [path for path in DOWNLOADS.glob("*") if not path.name.startswith(".part-")]


# Local files


def test_a_local_file_is_used_where_it_is(tmp_path, monkeypatch):
    path = tmp_path / "mine.zip"
    path.write_bytes(CONTENT)
    monkeypatch.setenv("HOME", str(tmp_path))
    for source in (str(path), "mine.zip", "~/mine.zip"):
        for checksum in (None, MD5, SHA256):
            assert fetch_file(source, checksum, "data.url").samefile(path)
    assert not DOWNLOADS.exists()


@pytest.mark.parametrize("source", ["nowhere.zip", "folder"])
def test_a_missing_local_file_is_an_error(source):
    Path("folder").mkdir()
    assert_fails(f"^data.url: no file '{source}'; give a path or an http\\(s\\) address$", source)


@pytest.mark.parametrize("checksum", [MD5, SHA256], ids=["md5", "sha256"])
def test_a_local_file_with_another_checksum_is_an_error(checksum):
    Path("mine.zip").write_bytes(OTHER_CONTENT)
    algorithm, _, expected = checksum.partition(":")
    actual = hashlib.new(algorithm, OTHER_CONTENT).hexdigest()
    assert_fails(
        f"^data.url: mine.zip has {algorithm} {actual}, expected {expected}; give the right", "mine.zip", checksum
    )
    assert Path("mine.zip").read_bytes() == OTHER_CONTENT


def test_the_sha256_of_an_unchecked_file_is_printed(start_server, capsys):
    url, _ = start_server(complete())
    Path("mine.zip").write_bytes(CONTENT)
    for source in ("mine.zip", url):
        fetch_file(source, SHA256, "data.url")
        assert capsys.readouterr().out == ""
        fetch_file(source, None, "data.url")
        assert capsys.readouterr().out == f"{source}: {SHA256.replace(':', ' ')}\n"


# Complete downloads


@pytest.mark.parametrize("checksum", [MD5, SHA256], ids=["md5", "sha256"])
def test_a_finished_download_is_used_again_if_its_checksum_is_right(start_server, checksum):
    url, requests = start_server(complete())
    path = fetch_file(url, checksum, "data.url")
    assert path.read_bytes() == CONTENT
    assert fetch_file(url, checksum, "data.url") == path
    assert len(requests) == 1
    path.write_bytes(OTHER_CONTENT)
    assert fetch_file(url, checksum, "data.url").read_bytes() == CONTENT
    assert len(requests) == 2


def test_a_download_without_checksum_is_not_used_again(start_server):
    url, _ = start_server(complete(), complete(OTHER_CONTENT))
    path = fetch_file(url, None, "data.url")
    assert path == DOWNLOADS / "unverified-EuroSAT.zip"
    assert path.read_bytes() == CONTENT
    assert fetch_file(url, None, "data.url") == path
    assert path.read_bytes() == OTHER_CONTENT


def test_a_download_does_not_replace_one_with_another_checksum(start_server):
    url, _ = start_server(complete(), complete(OTHER_CONTENT))
    first = fetch_file(url, SHA256, "data.url")
    second = fetch_file(url, f"sha256:{hashlib.sha256(OTHER_CONTENT).hexdigest()}", "data.url")
    assert (first.read_bytes(), second.read_bytes()) == (CONTENT, OTHER_CONTENT)


@pytest.mark.parametrize(
    ("end", "name"),
    [
        ("a b;c?d=1&e=..", "a_b_c_d_1_e_.."),
        ("x?from=http://elsewhere/y", "y"),
        ("", ""),
        pytest.param("x" * 300 + ".zip", "x" * 76 + ".zip", id="long"),
    ],
)
def test_the_file_name_is_safe_and_short(start_server, end, name):
    url, _ = start_server(complete())
    path = fetch_file(url.replace("EuroSAT.zip", end), SHA256, "data.url")
    assert path == DOWNLOADS / f"{SHA256[7:23]}-{name}"


def test_a_download_with_another_checksum_is_an_error(start_server):
    url, requests = start_server(complete(OTHER_CONTENT, ETag=ETAG))
    actual = hashlib.sha256(OTHER_CONTENT).hexdigest()
    assert_fails(f"^data.url: the file from {url} has sha256 {actual}, expected {SHA256[7:]}; give the right", url)
    assert len(requests) == 1
    assert not list(DOWNLOADS.glob("*.zip"))  # the next run does not resume the wrong file


def test_the_bytes_of_the_file_are_not_decoded(start_server):
    url, requests = start_server(complete(Content_Encoding="gzip"))  # a wrong header of some servers for .gz files
    assert fetch_file(url, SHA256, "data.url").read_bytes() == CONTENT
    assert requests[0]["accept-encoding"] == "identity"


def test_a_full_disk_is_an_error_that_names_the_file(start_server):
    url, _ = start_server(complete())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(OSError, match="File too large") as failure:
            fetch_file(url, SHA256, "data.url")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert failure.value.filename == str(DOWNLOADS / f".part-{NAME}")
    assert fetch_file(url, SHA256, "data.url").read_bytes() == CONTENT


# Retries


@pytest.mark.parametrize("status", [400, 403, 404, 410, 206, 304])
def test_a_permanent_status_is_not_retried(start_server, status):
    url, requests = start_server(reply(status, b"no"))
    assert_fails(f"EuroSAT.zip answered with HTTP status {status}, expected 200; check the address$", url)
    assert len(requests) == 1


@pytest.mark.parametrize("status", [500, 503, 408, 429])
def test_a_temporary_status_is_retried(start_server, status):
    url, requests = start_server(reply(status, b"wait", Retry_After="1000000"), complete())
    assert fetch_file(url, SHA256, "data.url").read_bytes() == CONTENT
    assert len(requests) == 2


@pytest.mark.parametrize("status", [500, 429])
def test_download_stops_after_four_attempts(start_server, status):
    url, requests = start_server(reply(status))
    assert_fails(
        f"EuroSAT.zip failed 4 times; the last time it answered with HTTP status {status}; try again later$", url
    )
    assert len(requests) == 4


def test_every_pause_is_twice_as_long(start_server, monkeypatch):
    pauses = []
    monkeypatch.setattr(resumable, "FIRST_PAUSE_SECONDS", 3)
    monkeypatch.setattr(time, "sleep", pauses.append)
    assert_fails("failed 4 times", start_server(reply(503))[0])
    assert pauses == [3, 6, 12]


def test_a_socks_proxy_without_its_package_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    (tmp_path / "socks.py").write_text("raise ImportError")
    command = "from eurosat_transfer.io.download import fetch_file; fetch_file('http://localhost/x', None, 'data.url')"
    result = run(sys.executable, "-c", command, cwd=tmp_path, PYTHONPATH=f"{tmp_path}{os.pathsep}{REPOSITORY}")
    line = result.stderr.splitlines()[-1]
    assert "data.url: http://localhost/x cannot be reached through the SOCKS proxy" in line
    assert "the package PySocks is missing: run `pip install pysocks`, or unset the variable" in line


def test_another_protocol_is_named():
    assert_fails("'ftp://127.0.0.1/x.zip' is an address; download it, and give the path$", "ftp://127.0.0.1/x.zip")


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:9", "http://"])
def test_a_dead_proxy_is_named(monkeypatch, proxy):
    monkeypatch.setenv("http_proxy", proxy)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    assert_fails(
        r"cannot be reached through the proxy that the environment names \(HTTPS_PROXY, .*: correct the variable",
        "http://example.invalid/EuroSAT.zip",
    )


def test_an_unreachable_server_is_not_retried():
    assert_fails(r":9/EuroSAT.zip did not answer \(ConnectionError\); check the address and the network$", UNREACHABLE)


@pytest.mark.parametrize("url", ["http://", "http://[::1", "https://a b/", f"http://{'a' * 99}.test/x", "http://.a/"])
def test_an_invalid_address_is_an_error(url):
    assert_fails(r"did not answer \(\w+\); check the address and the network$", url)


def test_silent_server_is_an_error_after_the_last_attempt(start_server, monkeypatch):
    monkeypatch.setattr(resumable, "SOCKET_SECONDS", 0.2)
    monkeypatch.setattr(resumable, "ATTEMPTS", 2)
    url, requests = start_server(lambda _: time.sleep(1))
    assert_fails(r"failed 2 times; the last time it did not answer \(ReadTimeout\); try again later$", url)
    assert len(requests) == 2


def test_a_body_that_stops_is_resumed(start_server, monkeypatch):
    monkeypatch.setattr(resumable, "SOCKET_SECONDS", 0.5)

    def stop(handler):
        interrupted(50_000, ETag=ETAG)(handler)
        handler.wfile.flush()
        time.sleep(2)

    url, requests = start_server(stop, resuming(ETag=ETAG))
    assert fetch_file(url, SHA256, "data.url").read_bytes() == CONTENT
    assert ranges(requests) == [None, "bytes=50000-"]


# Resumed downloads


@either_way
@pytest.mark.parametrize("reset", [False, True])
def test_an_interrupted_download_is_resumed(start_server, checksum, reset):
    url, requests = start_server(interrupted(70_000, reset=reset, ETag=ETAG), resuming(ETag=ETAG))
    assert fetch_file(url, checksum, "data.url").read_bytes() == CONTENT
    start = int(requests[1]["range"].removeprefix("bytes=").removesuffix("-"))
    assert 0 < start <= 70_000
    assert requests[1]["if-range"] == ETAG
    assert "range" not in requests[0]
    assert "if-range" not in requests[0]


@either_way
def test_a_later_run_resumes_an_interrupted_download(start_server, checksum):
    url, requests = start_server(*[interrupted(50_000, ETag=ETAG)] * 4, resuming(ETag=ETAG))
    message = r"failed 4 times; the last time it closed the connection after 50000 of 200000 bytes; try again later$"
    assert_fails(message, url, checksum)
    assert fetch_file(url, checksum, "data.url").read_bytes() == CONTENT
    assert ranges(requests[4:]) == ["bytes=50000-"]
    assert not [path for path in DOWNLOADS.glob(".part-*") if path.suffix != ".from"]


def test_a_download_is_resumed_again_and_again(start_server):
    url, requests = start_server(interrupted(50_000, ETag=ETAG), resuming(most=60_000, ETag=ETAG))
    assert fetch_file(url, None, "data.url").read_bytes() == CONTENT
    assert ranges(requests) == [None, "bytes=50000-", "bytes=110000-", "bytes=170000-"]


@either_way
def test_a_download_that_was_killed_at_its_end_is_completed(start_server, checksum):
    url, requests = start_server(*[interrupted(50_000, ETag=ETAG)] * 4, resuming(ETag=ETAG))
    assert_fails("failed 4 times", url, checksum)
    [partial] = DOWNLOADS.glob("*.zip")
    partial.write_bytes(CONTENT)
    assert fetch_file(url, checksum, "data.url").read_bytes() == CONTENT
    assert ranges(requests[4:]) == ["bytes=200000-"]


@either_way
@pytest.mark.parametrize(
    "second",
    [
        pytest.param(complete(OTHER_CONTENT, ETag=OTHER_ETAG), id="no ranges"),
        pytest.param(resuming(OTHER_CONTENT, ETag=OTHER_ETAG), id="correct"),
        pytest.param(partial_content(OTHER_CONTENT, 50_000, ETag=OTHER_ETAG), id="ignores If-Range"),
        pytest.param(partial_content(OTHER_CONTENT, 50_000, ETag="W/" + ETAG), id="weak ETag"),
        pytest.param(reply(416, Content_Range="bytes */50000", ETag=OTHER_ETAG), id="416 of a shorter file"),
    ],
)
def test_bytes_of_a_file_that_changed_on_the_server_are_never_appended(start_server, second, checksum):
    if checksum:
        checksum = f"sha256:{hashlib.sha256(OTHER_CONTENT).hexdigest()}"
    url, requests = start_server(interrupted(50_000, ETag=ETAG), second, resuming(OTHER_CONTENT, ETag=OTHER_ETAG))
    assert fetch_file(url, checksum, "data.url").read_bytes() == OTHER_CONTENT
    assert ranges(requests)[:2] == [None, "bytes=50000-"]
    assert requests[1]["if-range"] == ETAG
    assert all(range_ is None for range_ in ranges(requests)[2:])


@either_way
@pytest.mark.parametrize(
    "second",
    [
        pytest.param(partial_content(CONTENT, 5, ETag=ETAG), id="from byte 5"),
        pytest.param(partial_content(CONTENT, 50_001, ETag=ETAG), id="from byte 50001"),
        pytest.param(partial_content(CONTENT, 50_000, Content_Range="bytes 50000-199999/*"), id="unknown length"),
        pytest.param(partial_content(CONTENT, 50_000, Content_Range=f"bytes 50000-9/{'9' * 5000}"), id="huge length"),
        pytest.param(partial_content(CONTENT, 0, Content_Range=None), id="no Content-Range"),
        pytest.param(reply(416), id="416"),
        pytest.param(reply(416, Content_Range="bytes */200000"), id="416 of a longer file"),
    ],
)
def test_a_response_that_does_not_fit_the_partial_file_restarts_the_download(start_server, second, checksum):
    url, requests = start_server(interrupted(50_000, ETag=ETAG), second, resuming(ETag=ETAG))
    assert fetch_file(url, checksum, "data.url").read_bytes() == CONTENT
    assert ranges(requests) == [None, "bytes=50000-", None]


def test_a_response_that_does_not_fit_the_partial_file_is_reported(start_server, monkeypatch):
    monkeypatch.setattr(resumable, "ATTEMPTS", 1)
    write_partial(CONTENT[:50])
    url, _ = start_server(reply(416, Content_Range="bytes */7"))
    answered = re.escape("answered with HTTP status 416 and Content-Range 'bytes */7', ")
    assert_fails(f"{answered}which does not continue the partial file at byte 50; try again later$", url)


def test_a_resumed_response_may_lack_the_etag(start_server):
    url, requests = start_server(interrupted(50_000, ETag=ETAG), partial_content(CONTENT, 50_000))
    assert fetch_file(url, None, "data.url").read_bytes() == CONTENT
    assert len(requests) == 2


@pytest.mark.parametrize("etag", [None, 'W/"weak"', "unquoted"])
def test_without_checksum_or_strong_etag_no_download_is_resumed(start_server, etag):
    url, requests = start_server(interrupted(50_000, ETag=etag), resuming(ETag=etag))
    assert fetch_file(url, None, "data.url").read_bytes() == CONTENT
    assert ranges(requests) == [None, None]


@pytest.mark.parametrize("etag", [None, 'W/"weak"'])
def test_with_a_checksum_a_download_without_strong_etag_is_resumed(start_server, etag):
    url, requests = start_server(interrupted(50_000, ETag=etag), resuming(ETag=etag))
    assert fetch_file(url, SHA256, "data.url").read_bytes() == CONTENT
    assert ranges(requests) == [None, "bytes=50000-"]
    assert "if-range" not in requests[1]


def test_without_checksum_a_download_from_another_address_is_not_resumed(start_server):
    first, _ = start_server(interrupted(50_000, ETag=ETAG))
    assert_fails("failed 4 times", first, None)
    second, requests = start_server(resuming(OTHER_CONTENT, ETag=ETAG))
    assert fetch_file(second, None, "data.url").read_bytes() == OTHER_CONTENT
    assert ranges(requests) == [None]


def test_a_partial_file_of_another_file_is_discarded(start_server):
    write_partial(b"something else")
    url, requests = start_server(resuming(), complete(Content_Length=None))
    assert fetch_file(url, SHA256, "data.url").read_bytes() == CONTENT
    assert ranges(requests) == ["bytes=14-", None]


def test_a_partial_file_that_is_too_long_is_discarded(start_server):
    write_partial(CONTENT + b"x")
    url, requests = start_server(resuming())
    assert fetch_file(url, SHA256, "data.url").read_bytes() == CONTENT
    assert ranges(requests) == ["bytes=200001-", None]


def test_a_wrong_file_is_downloaded_only_once_more(start_server):
    write_partial(OTHER_CONTENT[:14])
    url, requests = start_server(resuming(OTHER_CONTENT))
    assert_fails("has sha256", url)
    assert ranges(requests) == ["bytes=14-", None]


# Limits of time and size


def test_slow_body_is_aborted(start_server, monkeypatch):
    monkeypatch.setattr(http_body, "WINDOW_SECONDS", 0.25)
    url, requests = start_server(slow(b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n"))
    message = r"is too slow: it sent \d+ bytes in 0.25 seconds, expected at least 1024; run the command again later to"
    assert_fails(message, url)
    assert len(requests) == 1


def test_a_body_that_is_fast_enough_may_take_many_windows(start_server, monkeypatch):
    monkeypatch.setattr(http_body, "WINDOW_SECONDS", 0.1)
    monkeypatch.setattr(resumable, "HEADER_SECONDS", 0.5)  # bounds the headers, not the body

    def send(handler):
        reply(200, Content_Length=len(CONTENT))(handler)
        for start in range(0, len(CONTENT), 10_000):
            handler.wfile.write(CONTENT[start : start + 10_000])
            time.sleep(0.03)

    url, requests = start_server(send)
    assert fetch_file(url, SHA256, "data.url").read_bytes() == CONTENT
    assert len(requests) == 1


def test_slow_headers_count_as_no_answer(start_server, monkeypatch):
    monkeypatch.setattr(resumable, "HEADER_SECONDS", 0.3)
    url, requests = start_server(slow(b"HTTP/1.1 200 OK\r\n"))
    assert_fails(r"EuroSAT.zip did not answer within 0.3 seconds; try again later$", url)
    assert len(requests) == 1


@either_way
def test_a_chunked_body_that_lacks_its_end_is_retried(start_server, checksum):
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (CONTENT[:70_000], CONTENT[70_000:]))

    def chunked(end):
        return lambda handler: handler.wfile.write(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n" + chunks + end
        )

    url, requests = start_server(chunked(b""), chunked(b"0\r\n\r\n"))
    assert fetch_file(url, checksum, "data.url").read_bytes() == CONTENT
    assert len(requests) == 2


def test_an_interrupted_body_of_unknown_length_is_reported(start_server):
    url, _ = start_server(lambda handler: handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"))
    assert_fails("closed the connection after 0 of an unknown number of bytes; try again later$", url)


def test_a_body_of_unknown_length_needs_a_checksum(start_server):
    url, _ = start_server(complete(Content_Length=None))
    assert_fails("does not send the file's length, so the file may be incomplete; give its sha256$", url, None)
    assert fetch_file(url, SHA256, "data.url").read_bytes() == CONTENT


def test_a_download_that_is_too_large_is_an_error(start_server, monkeypatch):
    monkeypatch.setattr(http_body, "MAX_BYTES", 100_000)
    too_large = "offers a file of 200000 bytes, allowed are 100000; check the address$"
    assert_fails(too_large, start_server(complete())[0])
    write_partial(CONTENT[:50])
    assert_fails(too_large, start_server(resuming())[0])
    monkeypatch.setattr(http_body, "MAX_BYTES", 200_000)
    assert fetch_file(start_server(complete())[0], SHA256, "data.url").read_bytes() == CONTENT


def test_endless_body_is_aborted(start_server, monkeypatch):
    monkeypatch.setattr(http_body, "MAX_BYTES", 100_000)
    url, requests = start_server(complete(Content_Length=None))
    assert_fails("sends more than the allowed 100000 bytes; check the address$", url)
    assert len(requests) == 1
    assert sum(path.stat().st_size for path in DOWNLOADS.iterdir()) < 1000


@pytest.mark.parametrize("length", ["-5", "many", "1e5", "²", pytest.param("9" * 5000, id="9999")])
def test_an_invalid_length_is_ignored(start_server, length):
    url, _ = start_server(complete(Content_Length=length))
    assert fetch_file(url, SHA256, "data.url").read_bytes() == CONTENT


def test_a_huge_length_is_an_error(start_server):
    assert_fails(
        "offers a file of 10{30} bytes, allowed are 17179869184;", start_server(complete(Content_Length=10**30))[0]
    )


# Redirects and certificates


def test_a_redirect_is_followed(start_server):
    target, _ = start_server(complete())
    url, _ = start_server(reply(302, Location=target))
    assert fetch_file(url, SHA256, "data.url").read_bytes() == CONTENT


def test_a_redirect_loop_is_an_error(start_server):
    url, requests = start_server(reply(302, Location="/EuroSAT.zip"))
    assert_fails(r"did not answer \(TooManyRedirects\)", url)
    assert len(requests) == resumable.MAX_REDIRECTS + 1


def test_a_redirect_to_a_local_file_is_an_error(start_server):
    assert_fails(r"did not answer \(InvalidSchema\)", start_server(reply(302, Location="file:///etc/passwd"))[0])


def write_certificate(path, expired=False):
    """Write the key and the self-signed certificate of 127.0.0.1."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=9))
        .not_valid_after(now + datetime.timedelta(days=-1 if expired else 1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def certificate(tmp_path, monkeypatch):
    """A valid certificate that requests trusts."""
    path = write_certificate(tmp_path / "server.pem")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(path))
    return path


def test_an_expired_certificate_is_an_error(start_server, tmp_path, monkeypatch):
    expired = write_certificate(tmp_path / "expired.pem", expired=True)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(expired))
    url, requests = start_server(complete(), certificate=expired)
    assert_fails(r"did not answer \(certificate verify failed: certificate has expired\); check the address", url)
    assert not requests


def test_an_unknown_certificate_is_an_error(start_server, certificate, monkeypatch):
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    url, requests = start_server(complete(), certificate=certificate)
    assert_fails(r"did not answer \(certificate verify failed: self-signed certificate\); check the address", url)
    assert not requests


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
@pytest.mark.parametrize("kind", ["names no file", "is no readable file of PEM certificates"])
def test_a_variable_with_wrong_certificates_is_named(start_server, certificate, tmp_path, monkeypatch, variable, kind):
    url, requests = start_server(complete(), certificate=certificate)
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    bundle = tmp_path / "bundle.pem"
    monkeypatch.setenv(variable, str(bundle))
    if kind != "names no file":
        bundle.write_text("no certificate", encoding="utf-8")
    assert_fails(rf"certificate cannot be checked: {variable}={bundle} {kind}.*; correct or unset .* {variable}$", url)
    assert not requests


def test_wrong_certificates_do_not_keep_other_mirrors_from_being_tried(
    start_server, certificate, eurosat, tmp_path, monkeypatch, capsys
):
    secure, _ = start_server(complete(), certificate=certificate)
    plain, _ = start_server(complete())
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "missing.pem"))
    monkeypatch.setattr(eurosat, "MIRRORS", ((secure, SHA256), (plain, SHA256)))
    assert eurosat.fetch_archive(None, None).read_bytes() == CONTENT
    assert "REQUESTS_CA_BUNDLE" in capsys.readouterr().out


def test_redirect_from_https_to_http_is_refused(start_server, certificate):
    insecure, _ = start_server(complete())
    url, _ = start_server(reply(302, Location=insecure), certificate=certificate)
    message = f"redirects to {insecure}, but only https is allowed after https; check the address$"
    assert_fails(message, url)
    secure, _ = start_server(complete(), certificate=certificate)
    there_and_back, _ = start_server(reply(302, Location=secure))
    url, _ = start_server(reply(302, Location=there_and_back), certificate=certificate)
    assert_fails(message.replace(insecure, there_and_back), url)


def test_https_may_redirect_to_https(start_server, certificate):
    secure, _ = start_server(complete(), certificate=certificate)
    url, _ = start_server(reply(302, Location=secure), certificate=certificate)
    assert fetch_file(url, SHA256, "data.url").read_bytes() == CONTENT


def test_http_may_redirect_to_https(start_server, certificate):
    secure, _ = start_server(complete(), certificate=certificate)
    url, _ = start_server(reply(302, Location=secure))
    assert fetch_file(url, SHA256, "data.url").read_bytes() == CONTENT


# The mirrors of EuroSAT


@pytest.fixture
def eurosat():
    from eurosat_transfer.data.builders import eurosat  # imports TensorFlow, which the other tests do not need

    return eurosat


def test_every_mirror_uses_https_and_has_a_checksum(eurosat):
    digits = {"md5": 32, "sha256": 64}
    assert eurosat.MIRRORS
    for url, checksum in eurosat.MIRRORS:
        algorithm, _, expected = checksum.partition(":")
        assert url.startswith("https://")
        assert len(expected) == digits[algorithm]


def test_a_download_is_resumed_from_another_mirror(start_server, eurosat, monkeypatch):
    broken, _ = start_server(interrupted(50_000, ETag=ETAG))
    working, requests = start_server(resuming(ETag='"of another server"'))
    monkeypatch.setattr(eurosat, "MIRRORS", ((broken, SHA256), (working, SHA256)))
    assert eurosat.fetch_archive(None, None).read_bytes() == CONTENT
    assert ranges(requests) == ["bytes=50000-"]
    assert "if-range" not in requests[0]  # the ETag is the other server's


def test_a_working_mirror_is_used_after_broken_ones(start_server, eurosat, monkeypatch, capsys):
    working, _ = start_server(complete())
    monkeypatch.setattr(eurosat, "MIRRORS", ((UNREACHABLE, SHA256), (working, SHA256)))
    assert eurosat.fetch_archive(None, None).read_bytes() == CONTENT
    assert f"mirror: {UNREACHABLE} did not answer (ConnectionError)" in capsys.readouterr().out


def test_all_broken_mirrors_are_named(start_server, eurosat, monkeypatch):
    urls = [UNREACHABLE, start_server(reply(404))[0], start_server(complete(OTHER_CONTENT))[0]]
    monkeypatch.setattr(eurosat, "MIRRORS", tuple((url, SHA256) for url in urls))
    with pytest.raises(UserError) as failure:
        eurosat.fetch_archive(None, None)
    message = str(failure.value)
    for url, reason in zip(urls, (" did not answer", " answered with HTTP status 404", " has sha256 "), strict=True):
        assert url + reason in message
    assert "mirror: " not in message
    assert "data.url=" in message
    assert "\n" not in message


def test_a_given_archive_is_used_instead_of_the_mirrors(start_server, eurosat, monkeypatch):
    monkeypatch.setattr(eurosat, "MIRRORS", ((UNREACHABLE, SHA256),))
    url, _ = start_server(complete())
    assert eurosat.fetch_archive(url, SHA256.removeprefix("sha256:")).read_bytes() == CONTENT
    with pytest.raises(UserError, match="^data.url: .* has sha256 .*, expected 0000"):
        eurosat.fetch_archive(url, "0" * 64)
    assert eurosat.fetch_archive(url, None).read_bytes() == CONTENT
