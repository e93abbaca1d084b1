"""The whole pipeline as a plain script: the main() of every stage, one after the other, in one process.

    python -m benchmarks.plain [STAGE ...]        in the root of a clone; without names, all stages

Prints the seconds of the imports and of each main() as JSON.
"""

import contextlib
import importlib
import json
import sys
import time
from pathlib import Path

from ruamel.yaml import YAML


def run(names: list[str]) -> dict[str, float]:
    """Import the stages and then run them.

    Returns:
        Seconds by stage, and of the imports by "imports".
    """
    started = time.perf_counter()
    names = names or list(YAML(typ="safe").load(Path("dvc.yaml"))["stages"])
    mains = {name: importlib.import_module(f"stages.{name}").main for name in names}
    importlib.import_module("eurosat_transfer.features.extraction")  # the stage extract imports it in its main()
    seconds = {"imports": time.perf_counter() - started}
    for name, main in mains.items():
        started = time.perf_counter()
        main()
        seconds[name] = time.perf_counter() - started
    return seconds


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):  # standard output is for the JSON only
        measured = run(sys.argv[1:])
    print(json.dumps(measured))
