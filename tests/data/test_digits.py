"""Handwritten digits."""

import socket
import threading

import numpy as np
import pytest
import requests

from eurosat_transfer.data import tfds as tfds_module
from eurosat_transfer.data.digits import load_digits, load_mnist
from eurosat_transfer.errors import UserError


def test_digits_are_a_stratified_split_of_all_images():
    digits = load_digits(seed=0)
    assert digits.X_train.shape == (1437, 8, 8, 1)
    assert digits.X_test.shape == (360, 8, 8, 1)
    for X in (digits.X_train, digits.X_test):
        assert X.dtype == np.float32
        assert (X.min(), X.max()) == (0, 1)
    shares = np.bincount(digits.y_test) / (np.bincount(digits.y_train) + np.bincount(digits.y_test))
    assert np.abs(shares - 0.2).max() < 0.01


def test_the_seed_chooses_the_test_images():
    first, again, other = (load_digits(seed).X_test for seed in (0, 0, 1))
    assert (first == again).all()
    assert (first != other).any()


@pytest.fixture
def mnist(monkeypatch, serve, tmp_path):
    """Replace TFDS' download of MNIST. Call the fixture with what it returns or raises."""

    def replace(result):
        def load(name, split, batch_size, as_supervised):
            assert (name, split, batch_size, as_supervised) == ("mnist", ["train", "test"], -1, True)
            if isinstance(result, Exception):
                raise result
            return result

        monkeypatch.setattr(tfds_module.tfds.image_classification.MNIST, "URL", serve(tmp_path))
        monkeypatch.setattr(tfds_module.tfds, "load", load)
        monkeypatch.setattr(tfds_module.tfds, "as_numpy", lambda loaded: loaded)

    return replace


def test_mnist_is_scaled_to_0_and_1(mnist):
    train, test = np.array([[[[255]]], [[[51]]]], np.uint8), np.array([[[[102]]]], np.uint8)
    mnist(((train, np.array([3, 4])), (test, np.array([5]))))
    digits = load_mnist()
    np.testing.assert_allclose(digits.X_train.ravel(), [1, 0.2])
    assert digits.X_train.dtype == digits.X_test.dtype == np.float32
    np.testing.assert_allclose(digits.X_test.ravel(), [0.4])
    assert (digits.y_train.tolist(), digits.y_test.tolist()) == ([3, 4], [5])


def test_mnist_without_a_network_gives_a_one_line_error(mnist):
    mnist(OSError("no route\nto host"))
    with pytest.raises(UserError, match="activations.data=mnist: .* MNIST: no route to host; .* set it to digits"):
        load_mnist()


def test_mnist_is_not_retried_if_its_server_cannot_be_reached(monkeypatch, tmp_path, caplog):
    tfds = tfds_module.tfds
    monkeypatch.setattr(tfds.core.constants, "DATA_DIR", str(tmp_path))
    monkeypatch.setattr(tfds.image_classification.MNIST, "URL", "http://127.0.0.1:9/a-long-path/" + "x" * 300)
    with pytest.raises(UserError, match=r"MNIST: .*/a-long-path/x{300} .*Connection refused.*; without a network"):
        load_mnist()
    assert [record.getMessage() for record in caplog.records if record.name.startswith("urllib3")] == []


def test_tfds_gives_up_soon_and_without_warnings(tmp_path, caplog, capfd):
    manager = tfds_module.tfds.download.DownloadManager(download_dir=tmp_path, force_download=True)
    attempts = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up():
            while True:
                connection = server.accept()[0]
                attempts.append(connection.recv(1000))
                connection.close()

        threading.Thread(target=hang_up, daemon=True).start()
        with pytest.raises(requests.ConnectionError):
            manager.download(f"http://127.0.0.1:{server.getsockname()[1]}/x")
    assert 1 < len(attempts) <= 4
    assert [record.getMessage() for record in caplog.records if "Retrying" in record.getMessage()] == []
    assert "Retrying" not in capfd.readouterr().err
