"""What `dvc repro` does, as a plain script would: every stage's main, one after the other, in one process.

    python -m benchmarks.plain [STAGE ...]        in a clone's root; without names: all, in dvc.yaml's order

Prints the seconds of the imports, and of each main, as JSON.
"""

import contextlib
import importlib
import json
import sys
import time
from pathlib import Path

from ruamel.yaml import YAML


def run(names: list[str]) -> dict[str, float]:
    """Import the stages, then run them; seconds by stage, and of "imports"."""
    started = time.perf_counter()
    names = names or list(YAML(typ="safe").load(Path("dvc.yaml"))["stages"])
    mains = {name: importlib.import_module(f"stages.{name}").main for name in names}
    importlib.import_module("stages.common.tensorflow")  # which extract imports late
    seconds = {"imports": time.perf_counter() - started}
    for name, main in mains.items():
        started = time.perf_counter()
        main()
        seconds[name] = time.perf_counter() - started
    return seconds


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):  # what the stages print
        measured = run(sys.argv[1:])
    print(json.dumps(measured))
