"""NumPy's .npz archives: equal arrays give equal bytes, and no pickle is read."""

import tokenize
from collections.abc import Iterator, Mapping
from pathlib import Path
from zipfile import ZipFile, ZipInfo

import numpy as np

from eurosat_transfer.errors import UserError
from eurosat_transfer.io.atomic import atomic_write
from eurosat_transfer.io.disk_matrix import DiskMatrix
from eurosat_transfer.io.zip_safety import ZIP_ERRORS, check_unpacked_size

Arrays = Mapping[str, DiskMatrix | np.ndarray]  # by name in the .npz file


def write_npz(path: Path | str, arrays: Arrays) -> None:
    """Write arrays to an .npz file whose bytes do not depend on the version of Python.

    numpy.savez forces the ZIP64 format for every member, and Python 3.11.4 changed how zipfile writes small members in
    this format. Here only members that approach 2 GB use it.

    Args:
        path: of the file.
        arrays: by name; none holds Python objects.

    Source:
        https://github.com/python/cpython/issues/103861
    """
    with atomic_write(path) as part, ZipFile(part, "w") as archive:
        for name, array in arrays.items():
            info = ZipInfo(f"{name}.npy")  # its date is 1980
            info.file_size = array.nbytes
            with archive.open(info, "w") as member:
                if isinstance(array, DiskMatrix):
                    array.copy_npy_to(member)  # type: ignore[arg-type]  # typeshed: IO[bytes]
                else:
                    np.lib.format.write_array(member, array, allow_pickle=False)


def list_arrays(path: Path | str) -> set[str]:
    """List the names of the arrays in an .npz file.

    Raises:
        FileNotFoundError: there is no such file.
    """
    with ZipFile(path) as archive:
        return {name.removesuffix(".npy") for name in archive.namelist()}


def stream_rows(path: Path | str, name: str) -> Iterator[np.ndarray]:
    """Read a matrix from an .npz file that write_npz has written, one row at a time.

    Args:
        path: of the file.
        name: of the matrix, (n, d).

    Yields:
        The rows, (d,).

    Source:
        https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
    """
    with ZipFile(path) as archive, archive.open(f"{name}.npy") as member:
        np.lib.format.read_magic(member)
        (rows, columns), _, dtype = np.lib.format.read_array_header_1_0(member)
        for _ in range(rows):
            yield np.frombuffer(member.read(columns * dtype.itemsize), dtype)


def read_npz(path: Path | str, *names: str) -> list[np.ndarray]:
    """Read arrays from an .npz file.

    Args:
        path: of the file.
        names: of the arrays.

    Returns:
        The arrays in the order of names.

    Raises:
        UserError: the file is missing or damaged, is no .npz, lacks an array, or holds a pickle.
    """
    try:
        with ZipFile(path) as archive:
            check_unpacked_size(archive, archive.infolist())
        with np.load(path, allow_pickle=False) as file:
            arrays = [file[name] for name in names]
    except FileNotFoundError:
        raise UserError(f"{path} is missing; `dvc repro` computes it, `dvc pull` fetches it") from None
    except (*ZIP_ERRORS, OSError, MemoryError, TypeError, SyntaxError, tokenize.TokenError) as error:
        raise UserError(f"{path} is not a valid .npz file: {error or type(error).__name__}") from None
    if not all(isinstance(array, np.ndarray) for array in arrays):  # NumPy returns an unknown member as bytes
        raise UserError(f"{path} is not a valid .npz file: not all of {', '.join(names)} are arrays")
    return arrays
