"""Servers that misbehave, on this machine: the right file, or one line; a part is never taken for the whole."""

import datetime
import hashlib
import http.server
import ipaddress
import itertools
import socket
import ssl
import struct
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from stages.common import fetch as fetching
from stages.common.fetch import fetch
from stages.common.stage import UserError
from stages.datasets import eurosat

CONTENT = bytes(i * i % 251 for i in range(200_000))
SHA256 = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
TAG = '"one"'


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fetching, "PAUSE", 0.01)


@pytest.fixture
def server():
    """A server that does to each request what it is told: server(*acts) -> its address and the requests' headers.

    An act is given the handler; the last one is done to all further requests.
    """
    running = []

    def start(*acts, certificate=None):
        asked, each = [], itertools.chain(acts, itertools.repeat(acts[-1]))

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append({name.lower(): value for name, value in self.headers.items()} | {"path": self.path})
                next(each)(self)
                self.close_connection = True

            def log_message(self, *_):
                pass

        listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            listening.socket = context.wrap_socket(listening.socket, server_side=True)
        threading.Thread(target=listening.serve_forever, args=(0.02,), daemon=True).start()
        running.append(listening)
        scheme = "https" if certificate else "http"
        return f"{scheme}://127.0.0.1:{listening.server_port}/EuroSAT.zip", asked

    yield start
    for listening in running:
        listening.shutdown()
        listening.server_close()


def answer(status, body=b"", **headers):
    def act(handler):
        handler.send_response(status)
        for name, value in {"Content_Length": len(body), **headers}.items():
            if value is not None:
                handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return act


def whole(content=CONTENT, **headers):
    return answer(200, content, **headers)


def cut(sent, reset=False, **headers):
    """Announce all of it, send a part, and close or reset the connection."""

    def act(handler):
        answer(200, CONTENT[:sent], Content_Length=len(CONTENT), **headers)(handler)
        handler.wfile.flush()
        if reset:
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            handler.connection.close()

    return act


def rest(content=CONTENT, **headers):
    """What a server with ranges does: from where it is asked, if it is the file that was asked for."""

    def act(handler):
        start = handler.headers.get("Range")
        if start is None or handler.headers.get("If-Range", headers.get("ETag")) != headers.get("ETag"):
            return whole(content, **headers)(handler)
        start = int(start.removeprefix("bytes=").removesuffix("-"))
        if start >= len(content):
            return answer(416, Content_Range=f"bytes */{len(content)}", **headers)(handler)
        place = f"bytes {start}-{len(content) - 1}/{len(content)}"
        return answer(206, content[start:], Content_Range=place, **headers)(handler)

    return act


def refused(said, url, checksum=SHA256):
    with pytest.raises(UserError, match=said) as refusal:
        fetch(url, checksum, "data.url")
    assert "\n" not in str(refusal.value)
    assert str(refusal.value).startswith("data.url: ")
    assert not [p for p in fetching.DOWNLOADS.glob("*") if not p.name.startswith(".part-")]


@pytest.mark.parametrize("status", [404, 403, 410])
def test_a_refusal_is_final(server, status):
    url, asked = server(answer(status, b"no"))
    refused(rf"EuroSAT.zip did not answer \({status}\)$", url)
    assert len(asked) == 1


@pytest.mark.parametrize("status", [500, 503, 429])
def test_what_passes_is_tried_again(server, status):
    url, asked = server(answer(status, b"wait", Retry_After="1000000"), whole())
    assert fetch(url, SHA256, "data.url").read_bytes() == CONTENT
    assert len(asked) == 2
    url, asked = server(answer(status))
    fetching.DOWNLOADS.rename("elsewhere")
    refused(rf"did not answer \({status}\), 4 times$", url)
    assert len(asked) == 4


@pytest.mark.parametrize("checksum", [SHA256, None])
@pytest.mark.parametrize("reset", [False, True])
def test_a_broken_connection_is_gone_on_with(server, checksum, reset):
    url, asked = server(cut(70_000, reset, ETag=TAG), rest(ETag=TAG))
    assert fetch(url, checksum, "data.url").read_bytes() == CONTENT
    start = int(asked[1]["range"].removeprefix("bytes=").removesuffix("-"))
    assert 0 < start <= 70_000
    assert asked[1]["if-range"] == TAG


@pytest.mark.parametrize("checksum", [SHA256, None])
def test_a_later_run_goes_on(server, checksum):
    url, asked = server(*[cut(50_000, ETag=TAG)] * 4, rest(ETag=TAG))
    refused(r"broke off after \d+ of 200000 bytes, 4 times$", url, checksum)
    assert fetch(url, checksum, "data.url").read_bytes() == CONTENT
    assert asked[4]["range"] == "bytes=50000-"
    assert [p.suffix for p in fetching.DOWNLOADS.iterdir() if p.name.startswith(".part-")] == [".from"]


def test_another_mirror_goes_on(server, monkeypatch):
    dying, _ = server(cut(50_000, ETag=TAG))
    alive, asked = server(rest(ETag='"of another server"'))
    monkeypatch.setattr(eurosat, "MIRRORS", ((dying, SHA256), (alive, SHA256)))
    assert eurosat.fetch_archive(None, None).read_bytes() == CONTENT
    assert asked[0]["range"] == "bytes=50000-"


def test_the_dead_mirror_and_the_broken_ones_are_named(server, monkeypatch):
    urls = ["http://127.0.0.1:9/EuroSAT.zip", server(answer(404))[0], server(whole(CONTENT[::-1]))[0]]
    monkeypatch.setattr(eurosat, "MIRRORS", tuple((url, SHA256) for url in urls))
    said = r"no mirror gave EuroSAT: .*:9/.*did not answer \(ConnectionError\); .*\(404\); .*another checksum"
    with pytest.raises(UserError, match=said):
        eurosat.fetch_archive(None, None)
    monkeypatch.setattr(eurosat, "MIRRORS", ((urls[0], SHA256), (server(whole())[0], SHA256)))
    assert eurosat.fetch_archive(None, None).read_bytes() == CONTENT


@pytest.mark.parametrize(
    "second",
    [
        whole(),  # knows no ranges
        rest(ETag='"two"'),  # another file by now
        answer(206, CONTENT[5:], Content_Range="bytes 5-199999/200000", ETag=TAG),  # from somewhere else
        answer(206, CONTENT[50_000:], Content_Range="bytes 50000-199999/200000", ETag='"two"'),  # minds no If-Range
        answer(206, CONTENT, ETag=TAG),
        answer(416, ETag=TAG),
    ],
)
@pytest.mark.parametrize("checksum", [SHA256, None])
def test_what_cannot_be_gone_on_with_begins_again(server, second, checksum):
    url, _ = server(cut(50_000, ETag=TAG), second, rest(ETag='"two"'))
    assert fetch(url, checksum, "data.url").read_bytes() == CONTENT


@pytest.mark.parametrize("tag", [None, 'W/"weak"'])
def test_without_checksum_or_strong_etag_nothing_is_gone_on_with(server, tag):
    url, asked = server(cut(50_000, ETag=tag), rest(ETag=tag))
    assert fetch(url, None, "data.url").read_bytes() == CONTENT
    assert "range" not in asked[1]


def test_a_part_of_something_else_is_found_out_by_the_checksum(server):
    url, asked = server(rest())
    fetching.DOWNLOADS.mkdir(parents=True)
    name = f".part-{SHA256[7:23]}-EuroSAT.zip"
    (fetching.DOWNLOADS / name).write_bytes(b"something else")
    assert fetch(url, SHA256, "data.url").read_bytes() == CONTENT
    assert [request.get("range") for request in asked] == ["bytes=14-", None]
    (fetching.DOWNLOADS / name.removeprefix(".part-")).unlink()
    (fetching.DOWNLOADS / name).write_bytes(CONTENT)  # killed when all of it had come
    assert fetch(url, SHA256, "data.url").read_bytes() == CONTENT
    assert len(asked) == 3


def test_the_right_size_with_wrong_bytes(server):
    url, _ = server(whole(CONTENT[::-1], ETag=TAG))
    refused("gave has another checksum than sha256:", url)
    assert not list(fetching.DOWNLOADS.glob("*.zip"))


def trickle(headers):
    """Send a byte now and then, of the body or of the headers; the far end hangs up."""

    def act(handler):
        body = b"HTTP/1.1 200 OK\r\n" + (b"" if headers else b"Content-Length: 200000\r\n\r\n")
        try:
            handler.wfile.write(body)
            for _ in range(500):
                handler.wfile.write(b"x")
                threading.Event().wait(0.02)
        except OSError:
            pass

    return act


def test_a_trickle_is_given_up(server, monkeypatch):
    monkeypatch.setattr(fetching, "WINDOW", 0.3)
    url, asked = server(trickle(headers=False))
    refused(r"gave \d+ bytes in 0.3 seconds, too slow to wait for$", url)
    monkeypatch.setattr(fetching, "ANSWER", 0.3)
    url, more = server(trickle(headers=True))
    refused(r"did not answer \(within 0.3 seconds\)$", url)
    assert len(asked) == len(more) == 1


def test_silence_is_given_up(server, monkeypatch):
    monkeypatch.setattr(fetching, "SILENCE", 0.2)
    monkeypatch.setattr(fetching, "TRIES", 2)
    url, asked = server(lambda _: threading.Event().wait(1))
    refused(r"did not answer \(ReadTimeout\)$", url)
    assert len(asked) == 2


def test_a_redirect_is_followed_and_a_loop_is_not(server):
    there, _ = server(whole())
    url, _ = server(answer(302, Location=there))
    assert fetch(url, SHA256, "data.url").read_bytes() == CONTENT
    fetching.DOWNLOADS.rename("elsewhere")
    url, asked = server(answer(302, Location="/EuroSAT.zip"))
    refused(r"did not answer \(TooManyRedirects\)$", url)
    assert len(asked) == fetching.REDIRECTS + 1
    refused(r"did not answer \(InvalidSchema\)$", server(answer(302, Location="file:///etc/passwd"))[0])


@pytest.mark.parametrize("checksum", [SHA256, None])
def test_a_length_that_nobody_says(server, checksum):
    chunked = b"".join(b"%x\r\n%s\r\n" % (len(c), c) for c in (CONTENT[:70_000], CONTENT[70_000:]))

    def in_chunks(end):
        def act(handler):
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked + end)

        return act

    url, asked = server(in_chunks(b""), in_chunks(b"0\r\n\r\n"))  # the first lacks its end
    assert fetch(url, checksum, "data.url").read_bytes() == CONTENT
    assert len(asked) == 2
    url, _ = server(whole(Content_Length=None))
    fetching.DOWNLOADS.rename("elsewhere")
    if checksum:
        assert fetch(url, checksum, "data.url").read_bytes() == CONTENT
    else:
        refused("does not say how long its file is, so a part could pass for the whole: give its sha256", url, None)


def test_a_body_without_end_is_given_up(server, monkeypatch):
    monkeypatch.setattr(fetching, "LARGEST", 100_000)
    refused("gives more than 100000 bytes", server(whole(Content_Length=None))[0])
    assert sum(p.stat().st_size for p in fetching.DOWNLOADS.iterdir()) < 1000
    refused("is a file of 200000 bytes; allowed: 100000", server(whole())[0])


@pytest.mark.parametrize("length", ["-5", "many", "1e5", "²", str(10**30)])
def test_a_length_that_is_none(server, length):
    url, _ = server(whole(Content_Length=length))
    if length.startswith("1000"):
        refused("is a file of 10{30} bytes", url)
    else:
        assert fetch(url, SHA256, "data.url").read_bytes() == CONTENT


@pytest.mark.parametrize("url", ["http://", "http://[::1", "https://a b/", f"http://{'a' * 300}.test/x", "http://.a/"])
def test_an_address_that_is_none(url):
    refused(r"did not answer", url)


def self_signed(path, expired):
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    end = now + datetime.timedelta(days=-1 if expired else 1)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now - datetime.timedelta(days=9)).not_valid_after(end)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = builder.add_extension(names, critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    return path


def test_an_expired_certificate(server, tmp_path, monkeypatch):
    expired, unknown = (self_signed(tmp_path / f"{e}.pem", expired=e) for e in (True, False))
    for certificate, trusted, reason in (
        (expired, expired, "certificate has expired"),
        (unknown, None, "self-signed certificate"),
    ):
        if trusted:
            monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(trusted))
        else:
            monkeypatch.delenv("REQUESTS_CA_BUNDLE")
        url, asked = server(whole(), certificate=certificate)
        refused(rf"did not answer \(certificate verify failed: {reason}\)$", url)
        assert not asked


def test_https_is_not_left(server, tmp_path, monkeypatch):
    certificate = self_signed(tmp_path / "server.pem", expired=False)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    plain, _ = server(whole())
    url, _ = server(answer(302, Location=plain), certificate=certificate)
    refused("leads on to an address that is not https$", url)
    url, _ = server(whole(), certificate=certificate)
    assert fetch(url, SHA256, "data.url").read_bytes() == CONTENT
