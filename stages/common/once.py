"""One stage on one input, asked for by two DVC runs at once: one computes, the other takes what that made.

DVC's run-cache has what is done, not what is being done: of a queue's tasks, which start together, each would compute
what they share.
"""

import fcntl
import functools
import hashlib
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
from ruamel.yaml import YAML

from stages.common.intact import inputs_of, md5

LONGEST = 120  # seconds that another DVC may take to cache what its stage has made
PAUSE = 0.2


@contextmanager
def once(stage: str) -> Iterator[bool]:
    """Compute a stage in no two runs of this repository at a time, those in DVC's temporary folders among them.

    Yields:
        Whether the outputs are here already, taken from a run that was under way.
    """
    root = Path(str(Path.cwd()).partition("/.dvc/tmp/exps/")[0])
    path = root / f".dvc/tmp/once/{stage}-{_digest(stage)}"
    path.parent.mkdir(parents=True, exist_ok=True)
    own_dvc = _dvc()
    with path.open("a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the system lets go of it when this process ends
        except BlockingIOError:
            print(f"another run of DVC computes {stage} from the same inputs: waiting for it", flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        if taken := _take(stage, path, own_dvc):
            print(f"{stage}: taken from another run of DVC", flush=True)
        else:
            file.truncate(0)
        yield taken
        if not taken and _dvc() == own_dvc != 1:  # else DVC was killed, and nobody caches what is made
            file.write(str(own_dvc))


def _dvc() -> int:
    """The process that waits for this one: its parent, or that one's where a shell stays between them, as fish does."""
    parent = psutil.Process().parent()
    if parent and parent.name() == Path(os.environ.get("SHELL", "")).name:
        parent = parent.parent()
    return parent.pid if parent else 1


def _take(stage: str, path: Path, own_dvc: int) -> bool:
    """Take the outputs from DVC's cache, if the DVC named in the file has just had them made."""
    maker, made = int(path.read_text(encoding="ascii") or 0), path.stat().st_mtime
    if maker in (0, own_dvc):  # whoever had the lock has failed, or this DVC forces the stage again
        return False
    # What was made before this DVC started, and by one that is gone, is what this DVC forces again.
    try:
        meanwhile = made > psutil.Process(own_dvc).create_time()
    except psutil.NoSuchProcess:  # and nobody waits for the outputs
        return False
    while (caching := psutil.pid_exists(maker) and time.time() - made < LONGEST) or meanwhile:
        if _restore(stage):
            return True
        if not caching:
            break
        time.sleep(PAUSE)
    return False


def _restore(stage: str) -> bool:
    from dvc.lock import LockError
    from dvc.repo import Repo  # a second to import, and needed by none that is alone
    from dvc.stage.cache import RunCacheNotFoundError, _get_stage_hash

    with TemporaryDirectory() as folder, Repo(".") as repo:
        entry = repo.stage.load_one(name=stage)
        records = Path(repo.stage_cache._get_cache_dir(_get_stage_hash(entry)))
        found = list(records.glob("*"))
        if not found or any(path.suffix == ".tmp" for path in found):
            return False  # DVC deletes a record that it cannot read, and this one is being written
        try:
            with repo.lock:
                repo.tmp_dir = folder  # in its own one, the outputs are locked by the DVC that waits for this process
                repo.stage_cache.restore(entry)
        except (RunCacheNotFoundError, LockError):
            return False
    return True


def _digest(stage: str) -> str:
    """Digest what a stage's result comes from: its entry in dvc.yaml, the files and the parameters named there."""
    yaml = YAML(typ="safe")
    entry, params = yaml.load(Path("dvc.yaml"))["stages"][stage], yaml.load(Path("params.yaml"))
    values = [functools.reduce(_item, name.split("."), params) for name in entry.get("params", ())]
    files = {str(path): md5(path) for path in sorted(inputs_of(stage)) if path.exists()}
    return hashlib.md5(json.dumps([entry, values, files], default=str).encode()).hexdigest()


def _item(section: object, key: str) -> object:
    return section.get(key) if isinstance(section, dict) else None
