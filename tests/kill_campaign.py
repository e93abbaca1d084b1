"""Kill the pipeline at random moments, and check that `dvc repro` then ends with the same dvc.lock.

    python tests/kill_campaign.py 50

It works in a temporary clone with tiny parameters. The first run is left alone. In each case the results are deleted,
`dvc repro` starts again, and SIGKILL ends the stage's process, DVC, or both. The moments are spread evenly over the
time of the first run. A cold case deletes all results. The other cases keep what was finished by that moment, and take
the later stages from DVC's run-cache, so that only one stage is computed. The exit status is 1 if a case ends
differently.
"""

import argparse
import collections
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

import psutil
from conftest import environment, make_clone, run
from ruamel.yaml import YAML

PARAMS = {
    "backbone.weights": "auto",
    "backbone.pretrain.epochs": 4,
    "finetune.epochs": 4,
    "finetune.warmup_epochs": 1,
    "finetune.label_sizes": [2],
}
VICTIMS = ("stage", "dvc", "both")
REMEDIES = {  # what DVC prints about a file that it left half-written -> the command that mends it
    r"remove '.*rwlock'|RWLock-file": ("rm", ".dvc/tmp/rwlock"),
    r"dvc.lock' (validation failed|is invalid)|structure is corrupted": ("git", "restore", "dvc.lock"),
}


class Repro:
    """A running `dvc repro` in its own process group, and its lines with the seconds at which they came."""

    def __init__(self, folder: Path, *targets: str):
        self.began = time.monotonic()
        self.lines: list[tuple[float, str]] = []
        self.process = subprocess.Popen(
            ["dvc", "repro", *targets],
            cwd=folder,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.reader = threading.Thread(target=self._read, daemon=True)  # ends when the last process closes the pipe
        self.reader.start()

    def _read(self) -> None:
        for line in self.process.stdout:
            self.lines.append((time.monotonic() - self.began, line))

    def output(self) -> str:
        """Return what was printed so far."""
        return "".join(line for _, line in self.lines)

    def wait_for(self, text: str, seconds: float = 0) -> None:
        """Wait for a line with the text, and then some seconds, or until DVC ends."""
        while self.process.poll() is None and text not in self.output():
            time.sleep(0.01)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return

    def stage(self) -> psutil.Process | None:
        """Find the process of the stage that runs now."""
        try:
            children = psutil.Process(self.process.pid).children(recursive=True)
            return next((child for child in children if "-m" in child.cmdline()), None)
        except psutil.NoSuchProcess:
            return None

    def kill(self, victim: str) -> bool:
        """Kill the stage, DVC alone, or both, and wait for DVC's end. Return False if nothing was left to kill."""
        while self.process.poll() is None:
            if victim == "stage" and not (stage := self.stage()):
                time.sleep(0.01)  # between two stages
                continue
            if victim == "both":
                os.killpg(self.process.pid, signal.SIGKILL)
            else:
                os.kill(stage.pid if victim == "stage" else self.process.pid, signal.SIGKILL)
            self.process.wait()
            return True
        return False


def wipe(folder: Path, lock: str, stages: list[str], computed: list[str]) -> None:
    """Bring a clone back to its state before it ran some stages.

    Args:
        folder: the clone.
        lock: dvc.lock of a complete run.
        stages: whose entries and outputs are deleted.
        computed: those of them that are deleted from DVC's cache too.
    """
    content = YAML(typ="safe").load(lock)
    cache = folder / ".dvc/cache"
    for stage in stages:
        for out in content["stages"].pop(stage)["outs"]:
            remove(folder / out["path"])
            if stage in computed:
                delete_object(cache / "files/md5", out["md5"])
    for record in cache.glob("runs/*/*/*"):
        if any(f"stages.{stage}\n" in record.read_text(encoding="utf-8") for stage in computed):
            shutil.rmtree(record.parent)  # DVC fails on an empty one
    remove(folder / "dvc.lock")
    if content["stages"]:
        YAML().dump(content, folder / "dvc.lock")


def remove(path: Path) -> None:
    """Delete a file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def delete_object(store: Path, md5: str) -> None:
    """Delete a cached object, and the files of a cached folder."""
    path = store / md5[:2] / md5[2:]
    if md5.endswith(".dir") and path.exists():
        for part in json.loads(path.read_bytes()):
            delete_object(store, part["md5"])
    path.unlink(missing_ok=True)


def finish(folder: Path, *targets: str) -> tuple[list[str], str]:
    """Run `dvc repro` until it succeeds, and mend what its messages name in between.

    Returns:
        The mending commands that were needed, and the output of the last `dvc repro`.
    """
    needed = []
    while True:
        result = run("dvc", "repro", *targets, cwd=folder)
        said = result.stdout + result.stderr
        remedy = next((command for words, command in REMEDIES.items() if re.search(words, said)), None)
        if result.returncode == 0 or remedy is None or len(needed) == 2:
            return needed, said
        run(*remedy, cwd=folder)
        needed.append(" ".join(remedy))


class Case(NamedTuple):
    """One case of the campaign.

    Attributes:
        stage: that ran at the moment of the kill.
        victim: what was killed.
        cold: whether all results were deleted before.
        outcome: "same", or what differs.
    """

    stage: str
    victim: str
    cold: bool
    outcome: str


def one_case(folder: Path, lock: str, moment: tuple[str, float], victim: str, cold: bool) -> tuple[Case, str]:
    """Delete results, run, kill some seconds after the start of a stage, run again, and compare.

    Returns:
        The case, and everything that was printed.
    """
    stages = list(YAML(typ="safe").load(lock)["stages"])
    rest = stages[stages.index(moment[0]) :]
    wipe(folder, lock, stages if cold else rest, stages if cold else rest[:1])
    repro = Repro(folder)
    repro.wait_for(f"Running stage '{moment[0]}'", moment[1])
    hit = repro.kill(victim)
    at = re.findall(r"(?:Running stage|Stage) '(\w+)'", repro.output())
    needed, said = finish(folder)
    same = (folder / "dvc.lock").read_text(encoding="utf-8") == lock
    dirty = run("git", "status", "--short", cwd=folder).stdout.strip()
    outcome = "same" if same and not dirty else f"DIFFERENT (dvc.lock {'same' if same else 'differs'}, {dirty!r})"
    outcome += "".join(f", after {command}" for command in needed)
    outcome += ", resumed" if "resuming at epoch" in said else ""
    outcome += ", ended before" if not hit else ""
    return Case(at[-1] if at else "(start)", victim, cold, outcome), repro.output() + said


def main() -> None:
    """Run the campaign."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("count", type=int, help="number of cases")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cold", type=float, default=0.3, help="share of the cases that delete all results")
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "clone"
        make_clone(folder, **PARAMS)
        reference = Repro(folder)
        assert reference.process.wait() == 0, reference.output()
        reference.reader.join()
        run("git", "add", "-A", cwd=folder)
        run("git", "commit", "-qm", "results", cwd=folder)
        lock = (folder / "dvc.lock").read_text(encoding="utf-8")
        starts = [(at, line.split("'")[1]) for at, line in reference.lines if line.startswith("Running stage")]
        first, last = starts[0][0], reference.lines[-1][0]
        print(f"uninterrupted: {last:.0f} s, {len(starts)} stages", flush=True)
        cases = []
        for number in range(arguments.count):
            at = first + (last - first) * (number + rng.random()) / arguments.count
            start, stage = max(start for start in starts if start[0] <= at)
            victim, cold = VICTIMS[number % len(VICTIMS)], rng.random() < arguments.cold
            case, said = one_case(folder, lock, (stage, at - start), victim, cold)
            cases.append(case)
            print(
                f"{number + 1:3} {at:5.1f} s  {case.stage:12} {case.victim:6} {'cold' if cold else '':5}{case.outcome}"
            )
            sys.stdout.flush()
            if not case.outcome.startswith("same"):
                print(said, flush=True)
    for columns in (("stage", "victim"), ("outcome",)):
        print(f"\ncases by {' and '.join(columns)}")
        tally = collections.Counter(" ".join(f"{getattr(case, name):12}" for name in columns) for case in cases)
        print(*(f"{count:4}  {name}" for name, count in sorted(tally.items())), sep="\n")
    sys.exit(any(not case.outcome.startswith("same") for case in cases))


if __name__ == "__main__":
    main()
