"""Look for damage in DVC's cache and in the bundled remote, and take it away, so that the right bytes can come there.

    python -m stages.mend

Compares every object with the checksum that is its name, and removes those that differ, together with the copies of
them among the outputs here. Nothing sound is touched. This is no stage.
"""

import argparse
import shutil
import sys
from pathlib import Path

from tqdm import tqdm

from stages.common.intact import cache_folder, damaged_outputs, md5

BUNDLE = Path("bundle/files/md5")


def remove(path: Path) -> None:
    """Remove a file or a folder."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def mend(stores: list[Path]) -> list[str]:
    """Remove what is damaged.

    Args:
        stores: folders of objects, each named by its MD5: ab/cdef...

    Returns:
        What was removed, for people to read.
    """
    outputs = damaged_outputs()  # before the objects that betray them are gone
    objects = [path for store in stores for path in sorted(store.glob("??/*")) if path.is_file()]
    bar = tqdm(objects, desc="checking", unit="object", mininterval=1, disable=None)
    damaged = [path for path in bar if md5(path) != path.parent.name + path.name.removesuffix(".dir")]
    for path in [*outputs, *damaged]:
        remove(path)
    return [str(path) for path in [*outputs, *damaged]]


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    removed = mend([cache_folder(), BUNDLE])
    for what in removed:
        print(f"damaged, removed: {what}")
    if removed:
        sys.exit("to have it again: `git restore bundle`, then `dvc pull` or, to compute it, `dvc repro`")
    print("the cache and the bundled remote are sound")


if __name__ == "__main__":
    main()
