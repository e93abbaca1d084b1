"""The cache keeps features between runs."""

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

import numpy as np
import pytest
from conftest import REPOSITORY, environment

from eurosat_transfer.errors import UserError
from eurosat_transfer.features import cache
from eurosat_transfer.features.cache import FeatureCache

ROW = np.arange(4, dtype=np.float32)


@pytest.fixture
def path(tmp_path, monkeypatch):
    """The file of a cache for one test only."""
    monkeypatch.setenv("EUROSAT_TRANSFER_STORE", str(tmp_path / "store" / "features.sqlite"))
    return tmp_path / "store" / "features.sqlite"


def put(rows: dict[bytes, np.ndarray], network: str = "net") -> None:
    with FeatureCache(network) as features:
        for image, row in rows.items():
            features.put(features.key(image), row)


def get(image: bytes, network: str = "net") -> list | None:
    with FeatureCache(network) as features:
        row = features.get(features.key(image))
    return None if row is None else row.tolist()


@pytest.mark.usefixtures("path")
def test_features_are_found_again():
    put({b"image": ROW, b"other": ROW + 1})
    assert get(b"image") == [0, 1, 2, 3]
    assert get(b"other") == [1, 2, 3, 4]
    with FeatureCache("net") as features:
        assert features.get(features.key(b"image")).dtype == np.float32


@pytest.mark.usefixtures("path")
def test_features_of_another_image_or_network_are_not_found():
    put({b"image": ROW})
    assert get(b"another image") is None
    assert get(b"image", network="another") is None


@pytest.mark.usefixtures("path")
def test_new_features_replace_old_ones():
    put({b"image": ROW})
    put({b"image": ROW + 5})
    assert get(b"image") == [5, 6, 7, 8]


@pytest.mark.usefixtures("path")
def test_keys_are_all_different():
    keys = {FeatureCache(network).key(image) for network in ("a" * 64, "b" * 64) for image in (b"", b"a", b"b")}
    assert {len(key) for key in keys} == {32}
    assert len(keys) == 6


def test_a_damaged_entry_is_not_used(path):
    put({b"image": ROW})
    content = path.read_bytes()
    place = content.index(ROW.tobytes())
    path.write_bytes(content[:place] + b"\1" + content[place + 1 :])
    assert get(b"image") is None


def test_an_entry_under_another_key_is_not_used(path):
    put({b"1": ROW, b"2": ROW + 1})
    with closing(sqlite3.connect(path)) as connection, connection:
        (one, first), (two, second) = connection.execute("SELECT key, row FROM rows").fetchall()
        connection.executemany("UPDATE rows SET row = ? WHERE key = ?", [(second, one), (first, two)])
    assert get(b"1") is None
    assert get(b"2") is None


@pytest.mark.parametrize("is_folder", [True, False])
def test_a_file_that_is_no_cache_switches_it_off(path, capsys, is_folder):
    path.parent.mkdir()
    path.mkdir() if is_folder else path.write_bytes(b"no database" * 1000)
    put({b"image": ROW})
    assert get(b"image") is None
    assert f"warning: the feature cache {path} cannot be used (" in capsys.readouterr().out


def test_a_cache_that_fails_after_opening_switches_itself_off(path, capsys):
    with FeatureCache("net") as features:
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("DROP TABLE rows")
        assert features.get(b"key") is None
        features.put(b"key", ROW)
    assert "cannot be used (no such table: rows)" in capsys.readouterr().out


def test_an_empty_variable_switches_the_cache_off(monkeypatch, tmp_path):
    monkeypatch.setenv("EUROSAT_TRANSFER_STORE", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    put({b"image": ROW})
    assert get(b"image") is None
    assert not any(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform != "linux", reason="the cache folder has another variable")
def test_the_default_cache_is_in_the_cache_folder_of_the_user(monkeypatch, tmp_path):
    monkeypatch.delenv("EUROSAT_TRANSFER_STORE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    put({b"image": ROW})
    assert (tmp_path / "eurosat-transfer/features.sqlite").exists()


def test_entries_are_written_in_groups(path):
    with FeatureCache("net") as features, closing(sqlite3.connect(path)) as other:
        for number in range(cache.ENTRIES_PER_WRITE + 1):
            features.put(features.key(b"%d" % number), ROW)
        assert other.execute("SELECT count(*) FROM rows").fetchall() == [(cache.ENTRIES_PER_WRITE,)]
        features.flush()
        assert other.execute("SELECT count(*) FROM rows").fetchall() == [(cache.ENTRIES_PER_WRITE + 1,)]


def test_a_full_cache_evicts_its_oldest_entries(path, monkeypatch):
    monkeypatch.setenv("EUROSAT_TRANSFER_STORE_MB", "2")
    with FeatureCache("net") as features:
        for number in range(1000):  # 4 MB
            features.put(b"%d" % number, np.full(1000, number, np.float32))
        features.flush()
        assert path.stat().st_size <= 2_000_000
        kept = [number for number in range(1000) if features.get(b"%d" % number) is not None]
        assert kept == list(range(kept[0], 1000))  # no entry is lost among the newest
        assert 250 < len(kept) < 500
        assert all(features.get(b"%d" % number)[0] == number for number in kept)


@pytest.mark.parametrize("size", ["2.5 GB", "", "-1"])
@pytest.mark.usefixtures("path")
def test_a_size_that_is_no_integer_is_refused(monkeypatch, size):
    monkeypatch.setenv("EUROSAT_TRANSFER_STORE_MB", size)
    with pytest.raises(UserError, match=f"EUROSAT_TRANSFER_STORE_MB is '{size}'; allowed: an integer, the size in MB"):
        FeatureCache("net")


WRITER = """
import sys, numpy as np
from eurosat_transfer.features.cache import FeatureCache
with FeatureCache("net") as cache:
    for number in range(int(sys.argv[1]), int(sys.argv[2])):
        cache.put(b"%d" % number, np.full(2048, number, np.float32))
        if number % 100 == 99:
            print(number, flush=True)
"""


def writer(first: int, last: int) -> subprocess.Popen:
    command = [sys.executable, "-c", WRITER, str(first), str(last)]
    return subprocess.Popen(command, cwd=REPOSITORY, env=environment(), stdout=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_processes_share_the_cache_and_a_killed_one_leaves_it_intact(path):
    writers = [writer(0, 1500), writer(1500, 3000)]
    victim = writer(3000, 10**7)
    for _ in range(5):
        victim.stdout.readline()
    os.kill(victim.pid, signal.SIGKILL)
    last = max(int(line) for line in victim.communicate()[0].split() or ["3499"])
    for process in writers:
        process.communicate()
        assert process.returncode == 0
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    with FeatureCache("net") as features:
        for number in (*range(3000), *range(3000, last - 100)):
            row = features.get(b"%d" % number)
            assert row is not None, number
            assert (row == number).all()
        for number in range(last - 100, last + 1000):
            row = features.get(b"%d" % number)
            assert row is None or (row == number).all()
