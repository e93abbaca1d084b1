"""Look for damage in DVC's cache and take it away, so that `dvc pull` or `dvc repro` puts the right bytes there.

    python -m stages.mend

Compares every object in the cache with the checksum that is its name, and removes those that differ, together with the
copies of them among the outputs here. Nothing sound is touched. This is no stage.
"""

import argparse
import shutil
import sys
from pathlib import Path

from tqdm import tqdm

from stages.common.intact import cache_folder, damaged_outputs, md5


def remove(path: Path) -> None:
    """Remove a file or a folder."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def mend(cache: Path) -> list[str]:
    """Remove what is damaged.

    Returns:
        What was removed, for people to read.
    """
    removed = []
    for path in damaged_outputs():
        remove(path)
        removed.append(str(path))
    stored = [path for path in sorted(cache.glob("??/*")) if path.is_file()]
    for path in tqdm(stored, desc="checking the cache", unit="object", mininterval=1, disable=None):
        if md5(path) != path.parent.name + path.name.removesuffix(".dir"):
            path.unlink()
            removed.append(f"cached object {path.parent.name}{path.name}")
    return removed


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    removed = mend(cache_folder())
    for what in removed:
        print(f"damaged, removed: {what}")
    if removed:
        sys.exit("`dvc pull` brings it again from a remote, `dvc repro` computes it again")
    print("the cache is sound")


if __name__ == "__main__":
    main()
