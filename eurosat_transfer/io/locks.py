"""Locks between processes, also on file systems without flock."""

import os
from contextlib import suppress
from pathlib import Path

from filelock import BaseFileLock, FileLock, SoftFileLock, Timeout

SOFT_LOCKS = "EUROSAT_TRANSFER_SOFT_LOCKS"  # environment variable: any value but an empty one


def new_lock(path: Path) -> BaseFileLock:
    """Create a lock that is not held yet.

    A normal lock is the operating system's (flock), which releases it when its holder ends, however it ends. Some
    network file systems have no flock, or one that never returns. There, set the variable SOFT_LOCKS. A soft lock is a
    file that exists as long as the lock is held, with the process and the machine of its holder. A soft lock of a
    process that has died is taken over on the same machine. Another machine cannot see whether that process lives.

    Args:
        path: of the lock's file, without a suffix. The two kinds have different suffixes, because a normal lock leaves
            its empty file behind, which a soft lock would take for a holder.

    Source: https://py-filelock.readthedocs.io
    """
    if os.environ.get(SOFT_LOCKS):
        return SoftFileLock(path.with_name(f"{path.name}.soft-lock"))
    return FileLock(path.with_name(f"{path.name}.lock"))


def try_lock(lock: BaseFileLock) -> bool:
    """Acquire a lock if nobody holds it.

    Args:
        lock: of either kind, not held yet.

    Returns:
        Whether this process holds the lock now.
    """
    for _ in range(2):  # the first attempt only removes a soft lock whose holder has died
        with suppress(Timeout):
            lock.acquire(blocking=False)
            return True
    return False


def how_to_break(lock: BaseFileLock) -> str:
    """Say what to do if a lock's holder has died on another machine.

    Args:
        lock: of either kind.

    Returns:
        The end of a sentence, or nothing for a normal lock, which needs no help.
    """
    return (
        f"; if no such process runs on any machine, delete {lock.lock_file}" if isinstance(lock, SoftFileLock) else ""
    )
