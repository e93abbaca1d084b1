"""Archives of arrays, and the matrix on disk that is written to them."""

from zipfile import ZipFile

import numpy as np
import pytest

from eurosat_transfer.io.disk_matrix import DiskMatrix
from eurosat_transfer.io.npz import read_npz, write_npz


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_arrays_are_written_as_numpy_would(tmp_path, rng):
    X, y = rng.normal(size=(50, 7)).astype(np.float32), np.arange(50)
    matrix = DiskMatrix(tmp_path / "new", *X.shape, np.float32)
    for row in rng.permutation(50):
        matrix[row] = X[row]
    arrays = {"X": X, "y": y, "names": np.array(["a", "bc"])}
    write_npz(tmp_path / "ours.npz", arrays | {"X": matrix})
    np.savez(tmp_path / "numpy.npz", **arrays)
    with ZipFile(tmp_path / "ours.npz") as ours, ZipFile(tmp_path / "numpy.npz") as by_numpy:
        assert ours.namelist() == by_numpy.namelist()
        assert all(ours.read(name) == by_numpy.read(name) for name in ours.namelist())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "numpy.npz", "ours.npz"]
    assert not any((tmp_path / "new").iterdir())  # the temporary file has no name


def test_the_bytes_do_not_depend_on_the_version_of_python(tmp_path):
    write_npz(tmp_path / "y.npz", {"y": np.arange(50)})
    with ZipFile(tmp_path / "y.npz") as archive:
        (member,) = archive.infolist()
    version = (20).to_bytes(2, "little")  # 2.0, the plain format; ZIP64, which differs between Pythons, is 4.5
    assert (tmp_path / "y.npz").read_bytes().startswith(b"PK\3\4" + version)
    assert (member.extract_version, member.extra, member.date_time[0]) == (20, b"", 1980)


def test_arrays_are_read_in_the_order_of_the_names(tmp_path):
    write_npz(tmp_path / "arrays.npz", {"a": np.arange(3), "b": np.eye(2)})
    b, a = read_npz(tmp_path / "arrays.npz", "b", "a")
    assert np.array_equal(b, np.eye(2))
    assert np.array_equal(a, np.arange(3))


def test_python_objects_are_not_written(tmp_path):
    with pytest.raises(ValueError, match="Object arrays cannot be saved"):
        write_npz(tmp_path / "objects.npz", {"y": np.array([None, {}])})
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
def test_a_matrix_on_disk_takes_rows_in_any_order(tmp_path, dtype, rng):
    X = rng.integers(0, 200, (9, 5)).astype(np.float64)
    matrix = DiskMatrix(tmp_path, 9, 5, dtype)
    for row in reversed(range(9)):
        matrix[row] = X[row]
    assert (matrix.shape, matrix.nbytes) == ((9, 5), 45 * np.dtype(dtype).itemsize)
    write_npz(tmp_path / "X.npz", {"X": matrix})
    (found,) = read_npz(tmp_path / "X.npz", "X")
    assert found.dtype == dtype
    assert np.array_equal(found, X.astype(dtype))
