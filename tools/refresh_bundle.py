"""Refresh bundle/, the remote in the repository that holds every output of the embedded default.

    python -m tools.refresh_bundle

Run it after `dvc repro` with the default parameters. It pushes the outputs to a new folder and puts that in the place
of bundle/. An object that no output needs any more is gone then.
"""

import argparse
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

BUNDLE = Path("bundle")
MAX_BYTES = 30_000_000  # every clone carries them


def main() -> None:
    """Refresh bundle/ in the current folder."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    if subprocess.run(["dvc", "status", "--quiet"], check=False).returncode:
        sys.exit("error: the outputs are not up to date; run `dvc repro` first")
    with TemporaryDirectory(dir=".", prefix=".part-bundle-") as folder:
        new = Path(folder) / "bundle"
        _dvc("remote", "add", "--local", "--force", "refreshed", str(new.resolve()))
        try:
            _dvc("push", "--remote", "refreshed")
        finally:
            _dvc("remote", "remove", "--local", "refreshed")
        size = sum(path.stat().st_size for path in new.rglob("*") if path.is_file())
        if size > MAX_BYTES:
            sys.exit(f"error: the outputs have {size} bytes; allowed: {MAX_BYTES}")
        if BUNDLE.exists():
            BUNDLE.rename(Path(folder) / "old")
        new.rename(BUNDLE)
    print(f"{BUNDLE}: {size / 1e6:.1f} MB")


def _dvc(*arguments: str) -> None:
    subprocess.run(["dvc", *arguments], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
