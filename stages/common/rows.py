"""Matrices that are filled on disk, row by row and in any order, then packed as an .npz: memory holds none of them."""

import errno
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from zipfile import ZipFile

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

    def __setitem__(self, place: int, row: np.ndarray) -> None:
        """Set a row, from any thread."""
        content = row.astype(self.dtype, copy=False).tobytes()
        if os.pwrite(self.file.fileno(), content, self.start + place * len(content)) < len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def pack(path: Path | str, arrays: Mapping[str, Rows | np.ndarray]) -> None:
    """Write an .npz, byte for byte as numpy.savez writes the same arrays."""
    with whole(path) as part, ZipFile(part, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                if isinstance(array, Rows):
                    array.file.seek(0)
                    shutil.copyfileobj(array.file, member, 2**20)
                else:
                    np.lib.format.write_array(member, array, allow_pickle=False)
