"""Environment variables that name certificates."""

import pytest

from eurosat_transfer.io.certificates import OF_PYTHON, OF_REQUESTS, describe_failed_download, wrong_certificates


@pytest.fixture(autouse=True)
def no_variables(monkeypatch):
    for name in (*OF_REQUESTS, *OF_PYTHON):
        monkeypatch.delenv(name, raising=False)


def test_without_variables_nothing_is_wrong():
    assert wrong_certificates() == ""


@pytest.mark.parametrize("name", [*OF_REQUESTS, *OF_PYTHON])
def test_a_path_that_does_not_exist_is_wrong(monkeypatch, tmp_path, name):
    monkeypatch.setenv(name, str(tmp_path / "missing"))
    assert wrong_certificates().startswith(f"{name}={tmp_path}/missing names no fi" if name != "SSL_CERT_DIR" else name)


@pytest.mark.parametrize("name", [*OF_REQUESTS, "SSL_CERT_DIR"])
def test_a_folder_of_certificates_is_allowed(monkeypatch, tmp_path, name):
    monkeypatch.setenv(name, str(tmp_path))
    assert wrong_certificates() == ""


def test_a_variable_that_requests_does_not_read_is_not_named(monkeypatch, tmp_path):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path))
    monkeypatch.setenv("CURL_CA_BUNDLE", str(tmp_path / "missing"))
    assert wrong_certificates() == ""


def test_a_failed_download_of_a_library_names_the_variable_in_one_line(monkeypatch):
    assert describe_failed_download(OSError("no route\nto host")) == "no route to host"
    monkeypatch.setenv("SSL_CERT_FILE", "missing.pem")
    described = describe_failed_download(OSError("no route\nto host"))
    assert described.startswith("no route to host; SSL_CERT_FILE=missing.pem names no file; ")
