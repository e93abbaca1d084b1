"""Features cost in proportion to what is new, and come out the same bytes as when computed from nothing."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from conftest import REPOSITORY, encoded, environment, write_tree

from stages import backbone, download, extract, split
from stages.common import backbones, inference
from stages.common.rows import Rows, pack
from stages.common.stage import UserError
from stages.common.store import FeatureStore
from stages.common.tensorflow import keras, tf


@pytest.fixture
def store(tmp_path, monkeypatch):
    """The file of a store that is there for one test only."""
    monkeypatch.setenv("EUROSAT_TRANSFER_STORE", str(tmp_path / "store" / "features.sqlite"))
    return tmp_path / "store" / "features.sqlite"


@pytest.fixture
def extracted(world, tmp_path, capsys, monkeypatch):
    """Two classes' own images through extract: extracted(**changes) -> (images computed, images from the store)."""
    tree = write_tree(tmp_path / "mine")
    world(**{"data.name": "folder", "data.path": str(tree)})
    download.main()
    backbone.main()

    def run(store: bool = True, **changes) -> tuple[int, int]:
        world(**{"data.name": "folder", "data.path": str(tree), "split.train": 10, "split.val": 5} | changes)
        split.main()
        capsys.readouterr()
        with monkeypatch.context() as patch:
            if not store:
                patch.setenv("EUROSAT_TRANSFER_STORE", "")
            extract.main()
        return tuple(map(int, re.findall(r"(\d+) images through the network, (\d+) from", capsys.readouterr().out)[0]))

    return run


def contents() -> list[bytes]:
    return [Path(f"data/{name}.npz").read_bytes() for name in ("features", "pixels")]


def test_only_new_images_go_through_the_network(extracted, store):
    assert extracted() == (55, 0)
    first = contents()
    assert extracted() == (0, 55)
    assert contents() == first
    assert extracted(**{"split.train": 20}) == (10, 55)  # the larger train contains the smaller one
    grown = contents()
    assert extracted(store=False, **{"split.train": 20}) == (65, 0)
    assert contents() == grown
    assert extracted(**{"split.train": 20, "split.seed": 1})[0] <= 15  # 40 of the first half: 25 of them are known
    assert extracted(**{"extract.preprocess": False}) == (55, 0)  # others
    assert extracted(**{"extract.pixel_size": 4}) == (0, 55)
    assert extracted() == (0, 55)
    assert contents() == first
    Path("data/backbone/backbone.weights.h5").write_bytes(Path("data/backbone/backbone.weights.h5").read_bytes() + b"0")
    assert extracted() == (55, 0)  # another network, for all that is known
    store.unlink()
    assert extracted() == (55, 0)
    assert contents() == first


def test_a_store_that_is_none_is_done_without(extracted, store):
    store.parent.mkdir()
    store.write_bytes(b"no database" * 1000)
    assert extracted() == (55, 0)
    store.unlink()
    store.mkdir()
    assert extracted() == (55, 0)


def test_a_row_that_has_changed_is_not_taken(store):
    with FeatureStore("net") as features:
        features.put(b"image", np.arange(4, dtype=np.float32))
    with FeatureStore("net") as features:
        assert features.get(b"image").tolist() == [0, 1, 2, 3]
        assert features.get(b"other") is None
    with FeatureStore("another") as features:
        assert features.get(b"image") is None
    content = store.read_bytes()
    place = content.index(np.arange(4, dtype=np.float32).tobytes())
    store.write_bytes(content[:place] + b"\1" + content[place + 1 :])
    with FeatureStore("net") as features:
        assert features.get(b"image") is None


def test_a_row_under_another_key_is_not_taken(store):
    with FeatureStore("net") as features:
        for number in (1, 2):
            features.put(b"%d" % number, np.full(4, number, np.float32))
    with closing(sqlite3.connect(store)) as connection, connection:
        (one, first), (two, second) = connection.execute("SELECT key, row FROM rows").fetchall()
        connection.executemany("UPDATE rows SET row = ? WHERE key = ?", [(second, one), (first, two)])
    with FeatureStore("net") as features:
        assert features.get(b"1") is None
        assert features.get(b"2") is None


def test_the_store_stays_within_its_bound_and_keeps_what_came_last(store, monkeypatch):
    monkeypatch.setenv("EUROSAT_TRANSFER_STORE_MB", "2")
    row = np.zeros(1000, np.float32)
    with FeatureStore("net") as features:
        for number in range(2000):  # 8 MB
            features.put(b"%d" % number, row + number)
        features._write()
        assert store.stat().st_size <= 2_000_000
        assert features.get(b"0") is None
        assert features.get(b"1999")[0] == 1999
    monkeypatch.setenv("EUROSAT_TRANSFER_STORE_MB", "2.5 GB")
    with pytest.raises(UserError, match="EUROSAT_TRANSFER_STORE_MB: '2.5 GB'; allowed: a whole number, MB"):
        FeatureStore("net")


WRITER = """
import sys, numpy as np
from stages.common.store import FeatureStore
with FeatureStore("net") as store:
    for number in range(int(sys.argv[1]), int(sys.argv[2])):
        store.put(b"%d" % number, np.full(2048, number, np.float32))
        if number % 100 == 99:
            print(number, flush=True)
"""


def writer(first: int, last: int) -> subprocess.Popen:
    command = [sys.executable, "-c", WRITER, str(first), str(last)]
    return subprocess.Popen(command, cwd=REPOSITORY, env=environment(), stdout=subprocess.PIPE, text=True)


def test_two_processes_share_the_store_and_a_killed_one_leaves_it_sound(store):
    writers = [writer(0, 1500), writer(1500, 3000)]
    victim = writer(3000, 10**7)
    for _ in range(5):
        victim.stdout.readline()
    os.kill(victim.pid, signal.SIGKILL)
    last = max(int(line) for line in victim.communicate()[0].split() or ["3499"])
    for process in writers:
        process.communicate()
        assert process.returncode == 0
    assert sqlite3.connect(store).execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    with FeatureStore("net") as features:
        for number in (*range(3000), *range(3000, last - 100)):
            row = features.get(b"%d" % number)
            assert row is not None, number
            assert (row == number).all()
        for number in range(last - 100, last + 1000):
            row = features.get(b"%d" % number)
            assert row is None or (row == number).all()


def test_rows_are_packed_as_numpy_would(tmp_path):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(50, 7)).astype(np.float32), np.arange(50)
    rows = Rows(tmp_path / "new", *X.shape, X.dtype)
    for place in rng.permutation(50):
        rows[place] = X[place]
    arrays = {"X": X, "y": y, "names": np.array(["a", "bc"])}
    pack(tmp_path / "packed.npz", arrays | {"X": rows})
    np.savez(tmp_path / "numpy.npz", **arrays)
    with ZipFile(tmp_path / "packed.npz") as packed, ZipFile(tmp_path / "numpy.npz") as by_numpy:
        assert packed.namelist() == by_numpy.namelist()
        assert all(packed.read(name) == by_numpy.read(name) for name in packed.namelist())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "numpy.npz", "packed.npz"]
    assert not any((tmp_path / "new").iterdir())


def test_what_is_packed_does_not_depend_on_the_python(tmp_path):
    pack(tmp_path / "packed.npz", {"y": np.arange(50)})
    with ZipFile(tmp_path / "packed.npz") as archive:
        (member,) = archive.infolist()
    plain = (20).to_bytes(2, "little")  # the format's version 2.0; 4.5, ZIP64, is not written alike by every Python
    assert (tmp_path / "packed.npz").read_bytes().startswith(b"PK\3\4" + plain)
    assert (member.extract_version, member.extra, member.date_time[0]) == (20, b"", 1980)


NETWORKS = {"tilenet": 32, "resnet50": 32, "mobilenetv2": 96}


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_give_what_keras_gives(name):
    keras.utils.set_random_seed(0)
    model, prepare = backbones.build(name, NETWORKS[name], {}), backbones.preprocess_for(name)
    count = inference.BATCH_SMALL + 3
    images = [encoded((7 * i, 90, 255 - 7 * i), size=(20 + i, 50)) for i in range(count)]
    network = inference.Network(model, prepare)
    rows = np.stack(list(network.stream(images)))
    seen = tf.stack([inference.decode(image, NETWORKS[name]) for image in images])
    expected = model(prepare(seen)).numpy()
    np.testing.assert_allclose(rows, expected, rtol=1e-3, atol=1e-5 * np.abs(expected).max())
    alone = [next(network.stream([image])) for image in (images[0], images[-1])]
    assert (rows[[0, -1]] == alone).all()  # to the bit, whatever else is in the batch


def test_with_a_gpu_tensorflow_gives_the_same(monkeypatch):
    keras.utils.set_random_seed(0)
    model, prepare = backbones.build("tilenet", 32, {}), backbones.preprocess_for("tilenet")
    images = [encoded((7 * i, 90, 10)) for i in range(inference.BATCH_SMALL + 3)]
    expected = list(inference.Network(model, prepare).stream(images))
    monkeypatch.setattr(inference, "gpus", lambda: [{"device_name": "one that is not there"}])
    rows = list(inference.Network(model, prepare).stream(images))
    np.testing.assert_allclose(rows, expected, rtol=1e-3, atol=1e-5)


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="only Linux says on which cores a thread may run")
def test_no_thread_is_bound_to_a_core():
    """Else two processes, each for one core, would share the first one."""
    network = inference.Network(backbones.build("resnet50", 32, {}), backbones.preprocess_for("resnet50"), threads=1)
    rows = network.stream(encoded((number % 256, 90, 10)) for number in range(6 * inference.BATCH_SMALL))

    def bound_to():
        for thread in Path("/proc/self/task").iterdir():
            with suppress(ProcessLookupError):  # it has just ended
                yield frozenset(os.sched_getaffinity(int(thread.name)))

    assert {cores for _ in rows for cores in bound_to()} == {frozenset(os.sched_getaffinity(0))}


def test_an_error_of_the_reader_and_a_broken_image_are_told():
    network = inference.Network(backbones.build("tilenet", 32, {}), backbones.preprocess_for("tilenet"))

    def reader():
        yield encoded((1, 2, 3))
        raise UserError("data/dataset cannot be read")

    with pytest.raises(UserError, match="data/dataset cannot be read"):
        list(network.stream(reader()))
    with pytest.raises(UserError, match="an image cannot be read"):
        list(network.stream([b"\xff\xd8\xff no image"]))
    assert list(network.stream([])) == []
