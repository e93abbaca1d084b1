"""One process per stage and working folder.

DVC never runs a stage twice at once in one folder. But if DVC is killed, the process of its stage goes on, and the next
`dvc repro` starts a second one that writes the same files.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from filelock import BaseFileLock, Timeout

from eurosat_transfer.io.atomic import atomic_write
from eurosat_transfer.io.locks import how_to_break, new_lock, try_lock
from eurosat_transfer.pipeline.workspace import workspace_root

RUNNING = Path(".dvc/tmp/running-stages")  # in the root of the working folder
RETRY = 1  # seconds after which a waiting process reads the holder's record again


@contextmanager
def run_exclusively(stage: str) -> Iterator[None]:
    """Run the block in no two processes of this working folder at once.

    The operating system releases the lock when its holder ends, however it ends. The holder records its process number
    and its start time while it has the lock. A second process ends the first only if a process with both values exists:
    numbers are used again, and between locking and recording the file still names an earlier holder. Otherwise the
    second process waits. A temporary workspace of a DVC experiment is a working folder of its own.

    The projects of one repository can have stages of the same name, so each has a folder of its own.

    Args:
        stage: name of the stage.
    """
    root = workspace_root()
    folder = root / RUNNING / Path.cwd().resolve().relative_to(root)
    folder.mkdir(parents=True, exist_ok=True)
    lock, record = new_lock(folder / stage), folder / f"{stage}.json"
    _acquire(lock, record, stage)
    try:
        _write_own(record)
        yield
    finally:
        record.unlink(missing_ok=True)
        lock.release()


def _acquire(lock: BaseFileLock, record: Path, stage: str) -> None:
    if try_lock(lock):
        return
    print(f"another process runs {stage} in this folder: waiting for it{how_to_break(lock)}", flush=True)
    while not lock.is_locked:
        with suppress(psutil.Error):
            if process := _recorded_process(record):
                print(f"process {process.pid} outlived the DVC that started it: it is killed", flush=True)
                process.kill()
        with suppress(Timeout):
            lock.acquire(timeout=RETRY)


def _write_own(record: Path) -> None:
    own = psutil.Process()
    with atomic_write(record) as part:
        part.write_text(json.dumps({"pid": own.pid, "started": own.create_time()}), encoding="utf-8")


def _recorded_process(record: Path) -> psutil.Process | None:
    """Find the other process that wrote a record, if it still runs."""
    try:
        content = json.loads(record.read_bytes())
        process = psutil.Process(content["pid"])
        # Both times are the kernel's start time plus its boot time. If somebody sets the clock in between, they differ,
        # and this process waits instead.
        same = process.create_time() == content["started"] and process.pid != os.getpid()
    except (OSError, ValueError, LookupError, TypeError, psutil.Error):
        return None
    return process if same else None
