"""Features once computed, by network and image, kept on this machine for later runs, whatever clone they run in.

EUROSAT_TRANSFER_STORE      its file; empty: nothing is kept. Where it is not set: in the user's cache folder.
EUROSAT_TRANSFER_STORE_MB   how large it may grow (2000); beyond that, the rows written first make room.

It is a cache: whatever is wrong with it, features are computed anew, and it may be deleted at any time.
"""

import hashlib
import os
import sqlite3
import zlib
from pathlib import Path

import numpy as np
from platformdirs import user_cache_path

from stages.common.stage import UserError

TOGETHER = 64  # rows written at once: so many may be lost to a kill
CHECKSUM = 4  # bytes before a row: of its key and it


class FeatureStore:
    """Rows by image, of one network, in a file of SQLite's: two processes may share it, and a kill leaves it sound."""

    def __init__(self, network: str):
        """Open it, for use in two threads; network: a digest of all that a row comes from, besides the image.

        Raises:
            UserError: EUROSAT_TRANSFER_STORE_MB is no whole number.
        """
        self.network, self.pending, self.connection = network.encode(), {}, None
        path, size = _path(), _size()
        if path is None:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.connection = sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)
            [[page]] = self.connection.execute("PRAGMA page_size").fetchall()
            self.connection.execute(f"PRAGMA max_page_count = {max(size // page, 8)}")
            self.connection.execute("CREATE TABLE IF NOT EXISTS rows (key BLOB PRIMARY KEY, row BLOB NOT NULL)")
        except (OSError, sqlite3.Error) as error:
            self._give_up(error)

    def __enter__(self) -> "FeatureStore":
        return self

    def __exit__(self, *_) -> None:
        self._write()
        if self.connection:
            self.connection.close()

    def get(self, image: bytes) -> np.ndarray | None:
        """Find an image's row, float32, (d,)."""
        connection, key = self.connection, self._key(image)
        if not connection:
            return None
        try:
            found = connection.execute("SELECT row FROM rows WHERE key = ?", (key,)).fetchone()
        except sqlite3.Error as error:
            return self._give_up(error)
        if not found or _checksum(key + found[0][CHECKSUM:]) != found[0][:CHECKSUM]:
            return None
        return np.frombuffer(found[0], np.float32, offset=CHECKSUM)

    def put(self, image: bytes, row: np.ndarray) -> None:
        """Keep an image's row, float32, (d,)."""
        if self.connection:
            key, content = self._key(image), row.tobytes()
            self.pending[key] = _checksum(key + content) + content
            if len(self.pending) >= TOGETHER:
                self._write()

    def _key(self, image: bytes) -> bytes:
        return hashlib.sha256(self.network + image).digest()

    def _write(self) -> None:
        rows, self.pending = list(self.pending.items()), {}
        connection = self.connection  # the thread that reads may give it up meanwhile
        if not connection or not rows:
            return
        try:
            try:
                _insert(connection, rows)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_FULL:
                    raise
                [[count]] = connection.execute("SELECT count(*) FROM rows")
                oldest = "SELECT rowid FROM rows ORDER BY rowid LIMIT ?"
                connection.execute(f"DELETE FROM rows WHERE rowid IN ({oldest})", (count // 10 + 2 * TOGETHER,))
                _insert(connection, rows)
        except sqlite3.Error as error:
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        self.connection = None
        print(f"the store of features, {_path()}, is not used: {error}", flush=True)


def _insert(connection: sqlite3.Connection, rows: list[tuple[bytes, bytes]]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    with connection:  # commits, or rolls back
        connection.executemany("INSERT OR REPLACE INTO rows VALUES (?, ?)", rows)


def _checksum(content: bytes) -> bytes:
    return zlib.crc32(content).to_bytes(CHECKSUM, "big")


def _path() -> Path | None:
    named = os.environ.get("EUROSAT_TRANSFER_STORE", user_cache_path("eurosat-transfer") / "features.sqlite")
    return Path(named) if str(named) else None


def _size() -> int:
    named = os.environ.get("EUROSAT_TRANSFER_STORE_MB", "2000")
    if not named.isdecimal():
        raise UserError(f"EUROSAT_TRANSFER_STORE_MB: {named!r}; allowed: a whole number, MB")
    return int(named) * 10**6
