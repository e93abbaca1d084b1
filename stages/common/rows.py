"""Matrices that are filled on disk, row by row and in any order, then packed as an .npz: memory holds none of them."""

import errno
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from zipfile import ZipFile, ZipInfo

import numpy as np

from stages.common.files import whole


class Rows:
    """A matrix in a nameless file of its own: it is gone when the process is."""

    def __init__(self, folder: Path, count: int, width: int, dtype: type):
        """Make it, (count, width), rows undefined until set."""
        folder.mkdir(parents=True, exist_ok=True)
        self.file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115, lives as long as the matrix
        self.dtype, self.shape = np.dtype(dtype), (count, width)
        header = {"descr": self.dtype.str, "fortran_order": False, "shape": self.shape}
        np.lib.format.write_array_header_1_0(self.file, header)
        self.file.flush()
        self.start = self.file.tell()
        self.nbytes = count * width * self.dtype.itemsize

    def __setitem__(self, place: int, row: np.ndarray) -> None:
        """Set a row, from any thread."""
        content = row.astype(self.dtype, copy=False).tobytes()
        if os.pwrite(self.file.fileno(), content, self.start + place * len(content)) < len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def pack(path: Path | str, arrays: Mapping[str, Rows | np.ndarray]) -> None:
    """Write an .npz, as numpy.savez does, but with the same bytes by every Python: equal arrays, equal files.

    numpy.savez marks every member as one that may be larger than 2 GB, and since 3.11.4 Python writes that mark in
    another way.
    """
    with whole(path) as part, ZipFile(part, "w") as archive:
        for name, array in arrays.items():
            info = ZipInfo(f"{name}.npy")  # dated 1980
            info.file_size = array.nbytes
            with archive.open(info, "w") as member:
                if isinstance(array, Rows):
                    array.file.seek(0)
                    shutil.copyfileobj(array.file, member, 2**20)
                else:
                    np.lib.format.write_array(member, array, allow_pickle=False)
