"""A cache of features on this machine, which all clones of the repository share.

EUROSAT_TRANSFER_STORE      path of the cache file. Empty: no cache. Default: in the cache folder of the user.
EUROSAT_TRANSFER_STORE_MB   largest size in MB, by default 2000. A full cache evicts its oldest entries.

If the cache is damaged, features are computed again. Its file may be deleted at any time.
"""

import hashlib
import os
import sqlite3
import zlib
from pathlib import Path
from typing import Self

import numpy as np
from platformdirs import user_cache_path

from eurosat_transfer.errors import UserError

DEFAULT_MB = "2000"
ENTRIES_PER_WRITE = 64  # a killed process loses at most this many
CHECKSUM_BYTES = 4  # each entry starts with the checksum of its key and features
BUSY_TIMEOUT = 60  # seconds to wait while another process writes
MIN_PAGES = 8  # of SQLite, for an empty table


class FeatureCache:
    """Features of one network by image, in an SQLite file.

    Several processes can use the file at a time. A killed process leaves it intact.
    """

    def __init__(self, network: str):
        """Open the cache file, and create it if it is missing.

        Args:
            network: a digest of everything that features depend on besides the image.

        Raises:
            UserError: EUROSAT_TRANSFER_STORE_MB is not an integer.
        """
        self._network = network.encode()
        self._pending: dict[bytes, bytes] = {}
        self._connection: sqlite3.Connection | None = None
        path, size = _path(), _max_bytes()
        if path is None:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT, isolation_level=None)
            [[page]] = self._connection.execute("PRAGMA page_size").fetchall()
            self._connection.execute(f"PRAGMA max_page_count = {max(size // page, MIN_PAGES)}")
            self._connection.execute("CREATE TABLE IF NOT EXISTS rows (key BLOB PRIMARY KEY, row BLOB NOT NULL)")
        except (OSError, sqlite3.Error) as error:
            self._give_up(error)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.flush()
        if self._connection:
            self._connection.close()

    @property
    def is_used(self) -> bool:
        """Whether entries are kept: the cache is switched on, and its file can be used."""
        return self._connection is not None

    def key(self, image: bytes) -> bytes:
        """Compute the cache key of an encoded image: 32 bytes, different for each network and image."""
        return hashlib.sha256(self._network + image).digest()

    def get(self, key: bytes) -> np.ndarray | None:
        """Find an entry.

        Args:
            key: of the entry.

        Returns:
            The features, float32, (d,). None if there is no entry, or if its checksum is wrong.
        """
        if not self._connection:
            return None
        try:
            found = self._connection.execute("SELECT row FROM rows WHERE key = ?", (key,)).fetchone()
        except sqlite3.Error as error:
            self._give_up(error)
            return None
        if not found or _checksum(key + found[0][CHECKSUM_BYTES:]) != found[0][:CHECKSUM_BYTES]:
            return None
        return np.frombuffer(found[0], np.float32, offset=CHECKSUM_BYTES)

    def put(self, key: bytes, features: np.ndarray) -> None:
        """Add an entry. It is written later, together with others.

        Args:
            key: of the entry.
            features: float32, (d,).
        """
        if self._connection:
            content = features.tobytes()
            self._pending[key] = _checksum(key + content) + content
            if len(self._pending) >= ENTRIES_PER_WRITE:
                self.flush()

    def flush(self) -> None:
        """Write all entries that were added."""
        entries, self._pending = list(self._pending.items()), {}
        if not self._connection or not entries:
            return
        try:
            _insert_or_evict(self._connection, entries)
        except sqlite3.Error as error:
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        self._connection = None
        print(f"warning: the feature cache {_path()} cannot be used ({error}); you may delete this file", flush=True)


def _insert_or_evict(connection: sqlite3.Connection, entries: list[tuple[bytes, bytes]]) -> None:
    try:
        _insert(connection, entries)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_FULL:
            raise
        [[count]] = connection.execute("SELECT count(*) FROM rows")
        oldest = "SELECT rowid FROM rows ORDER BY rowid LIMIT ?"
        connection.execute(f"DELETE FROM rows WHERE rowid IN ({oldest})", (count // 10 + 2 * ENTRIES_PER_WRITE,))
        _insert(connection, entries)


def _insert(connection: sqlite3.Connection, entries: list[tuple[bytes, bytes]]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    with connection:  # commits, or rolls back
        connection.executemany("INSERT OR REPLACE INTO rows VALUES (?, ?)", entries)


def _checksum(content: bytes) -> bytes:
    return zlib.crc32(content).to_bytes(CHECKSUM_BYTES, "big")


def _path() -> Path | None:
    path = os.environ.get("EUROSAT_TRANSFER_STORE", str(user_cache_path("eurosat-transfer") / "features.sqlite"))
    return Path(path) if path else None


def _max_bytes() -> int:
    size = os.environ.get("EUROSAT_TRANSFER_STORE_MB", DEFAULT_MB)
    if not size.isdecimal():
        raise UserError(f"EUROSAT_TRANSFER_STORE_MB is {size!r}; allowed: an integer, the size in MB")
    return int(size) * 10**6
