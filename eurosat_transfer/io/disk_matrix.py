"""A matrix that is filled row by row in a temporary file instead of in memory."""

import errno
import os
import shutil
import tempfile
from pathlib import Path
from typing import BinaryIO

import numpy as np


class DiskMatrix:
    """A matrix in a temporary file that disappears with the process.

    Attributes:
        shape: (rows, columns).
        dtype: of the values.
    """

    def __init__(self, folder: Path, count: int, width: int, dtype: type):
        """Create a matrix whose rows are undefined until they are set.

        Args:
            folder: for the temporary file; created if it is missing.
            count: number of rows.
            width: number of columns.
            dtype: NumPy's type of the values.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115, it lives as long as the matrix
        self.dtype, self.shape = np.dtype(dtype), (count, width)
        header = {"descr": self.dtype.str, "fortran_order": False, "shape": self.shape}
        np.lib.format.write_array_header_1_0(self._file, header)
        self._file.flush()
        self._start = self._file.tell()

    @property
    def nbytes(self) -> int:
        """Size of the values in bytes."""
        return self.shape[0] * self.shape[1] * self.dtype.itemsize

    def __setitem__(self, place: int, row: np.ndarray) -> None:
        """Set a row. Several threads may do so at a time.

        Raises:
            OSError: the disk is full.
        """
        content = row.astype(self.dtype, copy=False).tobytes()
        if os.pwrite(self._file.fileno(), content, self._start + place * len(content)) < len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def copy_npy_to(self, file: BinaryIO) -> None:
        """Write the matrix to a file in NumPy's .npy format."""
        self._file.seek(0)
        shutil.copyfileobj(self._file, file, 2**20)
