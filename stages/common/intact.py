"""Files that are not what DVC holds them for: a byte flipped in the cache.

DVC trusts a cached object that is read-only, and copies it without a look. So the copies are looked at here.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from ruamel.yaml import YAML


def md5(path: Path) -> str:
    """MD5 of a file; of a folder, as DVC has it: that of the list of its files' MD5s, and ".dir"."""
    if path.is_dir():
        relative = sorted(p.relative_to(path).as_posix() for p in path.rglob("*") if p.is_file())
        listed = [{"md5": md5(path / name), "relpath": name} for name in relative]
        return hashlib.md5(json.dumps(listed, sort_keys=True).encode()).hexdigest() + ".dir"
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def locked_outputs() -> Iterator[tuple[Path, str]]:
    """Yield every output in dvc.lock with the MD5 that it should have."""
    lock = Path("dvc.lock")
    stages = YAML(typ="safe").load(lock)["stages"] if lock.exists() else {}
    for stage in stages.values():
        yield from ((Path(out["path"]), out["md5"]) for out in stage.get("outs", ()))


def damaged_objects(cache: Path, locked: str) -> list[Path]:
    """Find the cached objects of an output, of those there are, whose content is not what their name says."""
    path = cache / locked[:2] / locked[2:]
    if not path.exists():
        return []
    if md5(path) != locked.removesuffix(".dir"):
        return [path]
    parts = json.loads(path.read_bytes()) if locked.endswith(".dir") else []
    return [found for part in parts for found in damaged_objects(cache, part["md5"])]


def cache_folder() -> Path:
    """Ask DVC where its cache is."""
    from dvc.repo import Repo  # a second to import, and needed only when something is wrong already

    return Path(Repo(".").cache.local.path)


def damaged_outputs(wanted: set[Path] | None = None) -> list[Path]:
    """Find the outputs in dvc.lock, or the wanted ones of them, that the cache gave back damaged.

    One that was changed on purpose is no such: what the cache holds is then sound.
    """
    here = [(path, locked) for path, locked in locked_outputs() if path.exists() and (not wanted or path in wanted)]
    changed = [(path, locked) for path, locked in here if md5(path) != locked]
    return [path for path, locked in changed if damaged_objects(cache_folder(), locked)]


def inputs_of(stage: str) -> set[Path]:
    """Find what a stage reads, as dvc.yaml has it."""
    return {Path(dep) for dep in YAML(typ="safe").load(Path("dvc.yaml"))["stages"][stage].get("deps", ())}
