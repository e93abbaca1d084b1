"""The images of a run of `predict` and its results so far, in a file beside the output.

The file is an SQLite database, so that neither the list nor the results have to fit into memory, and a process that is
killed loses only the chunk that it was working on.
"""

import errno
import hashlib
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np

from eurosat_transfer.errors import UserError
from eurosat_transfer.io.zip_directory import Member
from eurosat_transfer.prediction.inference import Outputs
from eurosat_transfer.prediction.sources import Source

MAX_IMAGES_PER_CHUNK, MAX_BYTES_PER_CHUNK = 256, 2**25
SCHEMA = """
PRAGMA locking_mode = EXCLUSIVE;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
BEGIN EXCLUSIVE;
CREATE TABLE IF NOT EXISTS run (key TEXT);
CREATE TABLE IF NOT EXISTS chunks (number INTEGER PRIMARY KEY, outputs BLOB, problems TEXT);
DROP TABLE IF EXISTS sources;
CREATE TABLE sources (name BLOB PRIMARY KEY, place BLOB UNIQUE, source TEXT) WITHOUT ROWID;
COMMIT;
"""


class Result(NamedTuple):
    """What is known about one image.

    Attributes:
        name: of the image.
        probabilities: float32, (classes,), or None if the image cannot be read.
        distance: from the training images; NaN if the image cannot be read.
        problem: why the image cannot be read, or None.
    """

    name: str
    probabilities: np.ndarray | None
    distance: float
    problem: str | None


class ChunkResults(NamedTuple):
    """The results of a chunk of n images.

    Attributes:
        outputs: of n images. The rows of images that cannot be read are NaN.
        problems: why an image cannot be read, by its position in the chunk.
    """

    outputs: Outputs
    problems: Mapping[int, str]


class Progress:
    """The list of images and the results so far. Use it in a with statement.

    Attributes:
        count: number of images.
        done: number of images that have results.
        was_changed: whether results of other images, or of another model, were dropped.
    """

    def __init__(self, output: Path, key: str, sources: Iterable[Source]):
        """List the images, and drop the results that belong to another list or another key.

        Args:
            output: path of the output. Missing parent folders are created.
            key: everything that the results depend on besides the images.
            sources: images, in any order. A file that comes twice is kept once.

        Raises:
            UserError: another process works on the same output.
            OSError: the disk is full, or the folder is read-only.
        """
        self._path = output.with_name(f".part-{output.name}.sqlite")
        output.parent.mkdir(parents=True, exist_ok=True)
        self._database = self._open(output)
        try:
            with self._named_errors():
                self._list(sources)
                self.count: int = self._database.execute("SELECT count(*) FROM sources").fetchone()[0]
                self.was_changed = self._keep_results_of(self._digest(key))
                self.done = sum(len(chunk) for chunk in islice(self._chunks(), self._count_chunks()))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file, and delete it if it has no results."""
        try:
            has_results = self._count_chunks() > 0
        except sqlite3.Error:  # it is closed already, or the disk is full
            has_results = True
        self._database.close()
        if not has_results:
            self._path.unlink()

    def remaining(self) -> Iterator[list[Source]]:
        """Return the chunks without results, in the order of their names."""
        return islice(self._chunks(), self._count_chunks(), None)

    def sample(self, count: int) -> list[Source]:
        """Choose up to so many images, evenly among their names."""
        rows = self._database.execute("SELECT source FROM sources ORDER BY name")
        return [_from_text(text) for (text,) in islice(rows, 0, None, -(-self.count // count) or 1)]

    def add(self, results: ChunkResults) -> None:
        """Store the results of the next chunk.

        Args:
            results: of the chunk.

        Raises:
            OSError: the disk is full.
        """
        content = np.column_stack([results.outputs.distances, results.outputs.probabilities]).astype("<f4").tobytes()
        with self._named_errors(), self._database:
            row = (content, json.dumps(dict(results.problems)))
            self._database.execute("INSERT INTO chunks (outputs, problems) VALUES (?, ?)", row)

    def results(self) -> Iterator[Result]:
        """Yield the results of all images, in the order of their names."""
        rows = self._database.execute("SELECT outputs, problems FROM chunks ORDER BY number")
        for chunk, (content, text) in zip(self._chunks(), rows, strict=True):
            outputs = np.frombuffer(content, "<f4").reshape(len(chunk), -1)
            problems = json.loads(text)
            for position, (source, row) in enumerate(zip(chunk, outputs, strict=True)):
                problem = problems.get(str(position))
                yield Result(source.name, None if problem else row[1:], float(row[0]), problem)

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield the names of images that cannot be read, and why, in the order of their names."""
        rows = self._database.execute("SELECT problems FROM chunks ORDER BY number")
        for chunk, (text,) in zip(self._chunks(), rows, strict=True):
            for position, problem in json.loads(text).items():
                yield chunk[int(position)].name, problem

    def delete(self) -> None:
        """Delete the file, because the output is complete."""
        self._database.close()
        self._path.unlink(missing_ok=True)

    def _open(self, output: Path) -> sqlite3.Connection:
        for attempt in range(2):
            database = sqlite3.connect(self._path, timeout=0)
            try:
                database.executescript(SCHEMA)
                return database
            except sqlite3.OperationalError as error:
                database.close()
                if "locked" in str(error):
                    raise UserError(f"another process writes {output}; wait for it, or name another output") from None
                raise _os_error(error, self._path) from None
            except sqlite3.DatabaseError:  # not a database, or damaged
                database.close()
                if attempt:
                    raise
                self._path.unlink()
        raise AssertionError

    def _count_chunks(self) -> int:
        count: int = self._database.execute("SELECT count(*) FROM chunks").fetchone()[0]
        return count

    def _list(self, sources: Iterable[Source]) -> None:
        with self._database:
            self._database.executemany("INSERT OR IGNORE INTO sources VALUES (?, ?, ?)", map(_to_row, sources))

    def _digest(self, key: str) -> str:
        digest = hashlib.sha256(key.encode())
        for row in self._database.execute("SELECT source FROM sources ORDER BY name"):
            digest.update(row[0].encode())
        return digest.hexdigest()

    def _keep_results_of(self, key: str) -> bool:
        """Drop the results of another key. Return whether there were any."""
        found = self._database.execute("SELECT key FROM run").fetchone()
        if found == (key,):
            return False
        with self._database:
            dropped = self._database.execute("DELETE FROM chunks").rowcount
            self._database.execute("DELETE FROM run")
            self._database.execute("INSERT INTO run VALUES (?)", (key,))
        return dropped > 0

    def _chunks(self) -> Iterator[list[Source]]:
        """Divide the images into chunks. The same images always give the same chunks."""
        chunk: list[Source] = []
        size = 0
        for (text,) in self._database.execute("SELECT source FROM sources ORDER BY name"):
            source = _from_text(text)
            if chunk and (len(chunk) == MAX_IMAGES_PER_CHUNK or size + source.size > MAX_BYTES_PER_CHUNK):
                yield chunk
                chunk, size = [], 0
            chunk.append(source)
            size += source.size
        if chunk:
            yield chunk

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise _os_error(error, self._path) from None


def _to_row(source: Source) -> tuple[bytes, bytes, str]:
    """Make a row of the list: the name by which it is sorted, the place of which there is one, and the source."""
    place = os.path.abspath(source.name)  # noqa: PTH100, a Path object takes ten times as long
    return os.fsencode(source.name), os.fsencode(place), json.dumps(source)


def _from_text(text: str) -> Source:
    source = Source._make(json.loads(text))
    return source._replace(member=Member(*source.member)) if source.member else source


def _os_error(error: sqlite3.OperationalError, path: Path) -> OSError:
    """Convert an error of SQLite, which has no number of the operating system."""
    number = {"SQLITE_FULL": errno.ENOSPC, "SQLITE_READONLY": errno.EROFS}.get(error.sqlite_errorname, errno.EIO)
    return OSError(number, f"{os.strerror(number)} ({error})", str(path))
