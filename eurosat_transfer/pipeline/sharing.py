"""Sharing of outputs between runs of one repository that need the same stage at the same time.

DVC's run-cache stores finished runs only. Tasks of a queue that start together would each compute the stages that they
share. Here the first one computes, and the others take copies of its outputs.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from filelock import BaseFileLock

from eurosat_transfer.io.atomic import atomic_write
from eurosat_transfer.io.locks import how_to_break, new_lock, try_lock
from eurosat_transfer.pipeline.definition import outputs_of, parameters_of, stage_entry
from eurosat_transfer.pipeline.integrity import digest_inputs
from eurosat_transfer.pipeline.workspace import is_temporary, repository_root, workspace_root


@contextmanager
def computed_once(stage: str) -> Iterator[bool]:
    """Compute a stage from the same inputs in no two runs of this repository at once.

    The first run computes. It leaves copies of its outputs if another run waits for them. It also does so if it works
    in a temporary workspace, because another variant can be about to start the stage: DVC fills its run-cache only
    after the stage has ended. A run takes the copies if it had to wait, or if both runs work in temporary workspaces.
    So a run that is forced in the working tree (`dvc repro --force`) computes, unless it had to wait.
    The copies are deleted with the temporary workspace that they come from.

    Args:
        stage: its name in dvc.yaml.

    Yields:
        Whether the outputs are here already, taken from another run. If not, the block writes them.

    Raises:
        OSError: the outputs of the other run cannot be copied, for example because the disk is full.
    """
    folder = repository_root() / ".dvc/tmp/shared-stages"
    folder.mkdir(parents=True, exist_ok=True)
    _sweep(folder)
    entry = folder / f"{stage}-{_digest(stage)}"
    lock = new_lock(entry)
    waited = _acquire(lock, entry, stage)
    try:
        taken = (waited or _left_by_other_variant(entry)) and _take(entry, stage)
        yield taken
        if not taken and (is_temporary() or _is_awaited(entry)):
            _leave(entry, stage)
    finally:
        _delete_unless_needed(entry, lock)
        lock.release()


def _digest(stage: str) -> str:
    """Digest what the result of a stage depends on: its entry in dvc.yaml, its inputs and its parameters."""
    content = [stage_entry(stage), parameters_of(stage), digest_inputs(stage)]
    return hashlib.sha256(json.dumps(content, default=str).encode()).hexdigest()


def _acquire(lock: BaseFileLock, entry: Path, stage: str) -> bool:
    """Acquire the lock; return whether another run held it."""
    if try_lock(lock):
        return False
    mark = entry.with_name(f"{entry.name}.awaited-by-{os.getpid()}")
    mark.touch()
    try:
        print(f"another run computes {stage} from the same inputs: waiting for it{how_to_break(lock)}", flush=True)
        lock.acquire()
    finally:
        mark.unlink(missing_ok=True)
    return True


# The functions below work on the files of one entry, which is a stage with a digest of its inputs:
#   ENTRY.lock              held by the run that computes or takes; its suffix depends on the kind of locks
#   ENTRY.awaited-by-PID    one for each run that waits
#   ENTRY/copies/workspace  the folder of the run that computed
#   ENTRY/copies/outputs/   its outputs
# Whoever writes or deletes ENTRY holds the lock.


def _is_awaited(entry: Path) -> bool:
    """Check whether a run waits for an entry. Deletes the marks of runs that were killed."""
    for mark in entry.parent.glob(f"{entry.name}.awaited-by-*"):
        if psutil.pid_exists(int(mark.name.rpartition("-")[2])):
            return True
        mark.unlink(missing_ok=True)
    return False


def _maker(entry: Path) -> Path | None:
    """Read in which folder the copies were made, if there are any."""
    record = entry / "copies/workspace"
    return Path(record.read_text(encoding="utf-8")) if record.exists() else None


def _left_by_other_variant(entry: Path) -> bool:
    """Check whether both workspaces are temporary. _sweep has deleted what came from the working tree."""
    own = workspace_root()
    return is_temporary() and _maker(entry) not in (None, own)


def _take(entry: Path, stage: str) -> bool:
    """Copy the outputs to where the stage writes them; return whether there are any."""
    if _maker(entry) is None:
        return False
    for output in outputs_of(stage):
        with atomic_write(output) as part:
            _copy(entry / "copies/outputs" / output, part)
    print(f"{stage}: taken from another run", flush=True)
    return True


def _leave(entry: Path, stage: str) -> None:
    """Leave copies of the outputs, complete or not at all. The stage itself has succeeded in either case."""
    try:
        with atomic_write(entry / "copies") as part:
            for output in outputs_of(stage):
                _copy(output, part / "outputs" / output)
            (part / "workspace").write_text(str(workspace_root()), encoding="utf-8")
    except OSError as error:
        print(f"{stage}: no copies are left for other runs, because of an error: {error}", flush=True)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, copy_function=shutil.copyfile)
    else:
        shutil.copyfile(source, target)


def _delete_unless_needed(entry: Path, lock: BaseFileLock) -> None:
    if not _is_needed(entry):
        shutil.rmtree(entry, ignore_errors=True)
        # A run that waits for the deleted file notices that, and creates it again:
        # https://github.com/tox-dev/filelock/pull/577
        Path(lock.lock_file).unlink(missing_ok=True)


def _is_needed(entry: Path) -> bool:
    maker = _maker(entry)
    return _is_awaited(entry) or (maker is not None and maker != repository_root() and maker.is_dir())


def _sweep(folder: Path) -> None:
    """Delete the entries that no run needs any more, such as those of deleted workspaces."""
    names = {file.name.partition(".")[0] for file in folder.iterdir()} - {""}  # no name, such as that of .DS_Store
    for entry in (folder / name for name in names):
        # A needed entry is not locked here, because a run that wants the lock would have to wait.
        if not _is_needed(entry):
            lock = new_lock(entry)
            if try_lock(lock):
                _delete_unless_needed(entry, lock)
                lock.release()
