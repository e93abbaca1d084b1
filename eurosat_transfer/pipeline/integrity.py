"""Checksums of what the pipeline reads and has written.

DVC trusts a cached object that is read-only, and copies it to the workspace without a check. A byte that the disk has
changed would reach the next stage unnoticed. So the content is compared with its MD5 sum here.
"""

import hashlib
import json
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from ruamel.yaml import YAML

from eurosat_transfer.io.hashing import md5
from eurosat_transfer.pipeline.code_lists import changed_code, current_code, list_of
from eurosat_transfer.pipeline.definition import inputs_of


def digest_inputs(stage: str, leave_out: Collection[Path] = ()) -> str:
    """Compute one digest of the content of everything that a stage depends on.

    Args:
        stage: its name in dvc.yaml.
        leave_out: dependencies, and files of the code, whose content does not count.

    Returns:
        64 hexadecimal digits. They change if a dependency or a code file changes, appears or disappears.
    """
    sums = {path: md5(path) if path.exists() else None for path in inputs_of(stage)}
    if list_of(stage) in sums:
        del sums[list_of(stage)]
        sums |= current_code(stage)
    counting = {path.as_posix(): sums[path] for path in sorted(sums) if path not in leave_out}
    return hashlib.sha256(json.dumps(counting).encode()).hexdigest()


def earlier_output(
    stage: str, output: Path, leave_out: Collection[Path], parameters: Mapping[str, object]
) -> Path | None:
    """Find in DVC's cache what the last run of a stage wrote, if it ran with the same inputs.

    DVC deletes the outputs in the workspace before a stage starts. dvc.lock still describes them, and what they were
    made from.

    Args:
        stage: its name in dvc.yaml, and that of its section in params.yaml.
        output: one of its outputs, a file.
        leave_out: those of its dependencies whose content does not count. Its code always counts.
        parameters: values in the section of the stage that have to be the same.

    Returns:
        The cached file. None if something differs, or if the file is missing or damaged.
    """
    lock = Path("dvc.lock")
    entry = (YAML(typ="safe").load(lock) if lock.exists() else {}).get("stages", {}).get(stage, {})
    section = entry.get("params", {}).get("params.yaml", {}).get(stage, {})
    if any(name not in section or section[name] != value for name, value in parameters.items()):
        return None
    sums = {Path(file["path"]): file["md5"] for key in ("deps", "outs") for file in entry.get(key, ())}
    needed = [path for path in inputs_of(stage) if path not in leave_out]
    if (
        output not in sums
        or changed_code(stage)
        or any(not path.exists() or sums.get(path) != md5(path) for path in needed)
    ):
        return None
    path = cache_folder() / sums[output][:2] / sums[output][2:]
    return path if path.is_file() and md5(path) == sums[output] else None


def locked_outputs() -> Iterator[tuple[Path, str]]:
    """Read dvc.lock.

    Yields:
        Each output of the last run with the MD5 sum that it had.
    """
    lock = Path("dvc.lock")
    stages = YAML(typ="safe").load(lock)["stages"] if lock.exists() else {}
    for stage in stages.values():
        yield from ((Path(output["path"]), output["md5"]) for output in stage.get("outs", ()))


def cache_folder() -> Path:
    """Ask DVC for the folder of its cache.

    The command is slower than DVC's Python interface, but documented. It is needed only if something is wrong.

    Returns:
        The folder of the cached objects, each named by its MD5 sum: ab/cdef...

    Raises:
        CalledProcessError: DVC refuses, for example outside a DVC repository.

    Source: https://dvc.org/doc/command-reference/cache/dir
    """
    command = [sys.executable, "-m", "dvc", "cache", "dir"]
    printed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    return Path(printed.strip()) / "files/md5"


def damaged_objects(objects: Path, md5_sum: str) -> list[Path]:
    """Find the cached objects of one output whose content differs from their name.

    Args:
        objects: the folder of the cached objects.
        md5_sum: of the output in dvc.lock. A folder's sum ends with ".dir", and its files are checked too.

    Returns:
        The damaged objects. An object that is not in the cache is not damaged.
    """
    path = objects / md5_sum[:2] / md5_sum[2:]
    if not path.exists():
        return []
    if md5(path) != md5_sum.removesuffix(".dir"):
        return [path]
    files = json.loads(path.read_bytes()) if md5_sum.endswith(".dir") else []
    return [damaged for file in files for damaged in damaged_objects(objects, file["md5"])]


def damaged_outputs(wanted: Collection[Path] | None = None) -> list[Path]:
    """Find the outputs in the workspace that DVC's cache gave back damaged.

    An output that somebody changed on purpose is not damaged: its object in the cache is sound.

    Args:
        wanted: check only these paths. None checks all outputs in dvc.lock.

    Returns:
        The damaged outputs.
    """
    present = [(path, locked) for path, locked in locked_outputs() if path.exists()]
    chosen = [(path, locked) for path, locked in present if wanted is None or path in wanted]
    changed = [(path, locked) for path, locked in chosen if md5(path) != locked]
    objects = cache_folder() if changed else Path()
    return [path for path, locked in changed if damaged_objects(objects, locked)]
