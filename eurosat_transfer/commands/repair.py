"""Find damaged objects in DVC's cache and in the bundled remote, and remove them.

The name of an object is the checksum of its content. Objects whose content has another checksum are
removed, with their copies among the outputs in the workspace. Nothing else is changed. If something
was removed, the exit status is 1, and the last line says how to restore it.
"""

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from eurosat_transfer.errors import UserError

BUNDLE = Path("bundle/files/md5")
RESTORE = "To restore them: `git restore bundle`, then `dvc pull`, or `dvc repro` to compute them again."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add nothing: the command has no arguments."""


def run(_arguments: argparse.Namespace) -> None:
    """Remove what is damaged, and say what that was.

    Raises:
        SystemExit: something was damaged. It is removed.
        UserError: DVC does not say where its cache is.
    """
    from eurosat_transfer.pipeline.integrity import cache_folder

    try:
        cache = cache_folder()
    except subprocess.CalledProcessError:
        raise UserError("`dvc cache dir` failed; its own message is above") from None
    removed = remove_damage([cache, BUNDLE])
    for path in removed:
        print(f"removed, because it is damaged: {path}")
    if removed:
        sys.exit(RESTORE)
    print("no damage: the cache and the bundled remote are sound")


def remove_damage(stores: Sequence[Path]) -> list[Path]:
    """Remove damaged objects, and the damaged outputs in the workspace that were copied from them.

    Args:
        stores: folders of objects, each named by its MD5 sum: ab/cdef... A folder that does not exist is empty.

    Returns:
        The files and folders that were removed.
    """
    from tqdm import tqdm

    from eurosat_transfer.pipeline.integrity import damaged_outputs

    outputs = damaged_outputs()  # first, because it compares the outputs with the objects in the cache
    objects = [path for store in stores for path in sorted(store.glob("??/*")) if _is_object(path)]
    damaged = [path for path in tqdm(objects, desc="checking", unit="object", disable=None) if _is_damaged(path)]
    for path in [*outputs, *damaged]:
        _remove(path)
    return [*outputs, *damaged]


def _is_object(path: Path) -> bool:
    """Check whether a file is named like an object. DVC also has temporary files in these folders."""
    return path.is_file() and re.fullmatch(r"[0-9a-f]{32}(\.dir)?", path.parent.name + path.name) is not None


def _is_damaged(path: Path) -> bool:
    from eurosat_transfer.io.hashing import md5

    return md5(path) != path.parent.name + path.name.removesuffix(".dir")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
