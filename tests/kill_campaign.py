"""Kill the pipeline at random moments, and see whether `dvc repro` then ends with the same dvc.lock.

    python tests/kill_campaign.py 50

In a temporary clone with tiny parameters: one run left alone; then, each time, what it made is taken away, `dvc repro`
started anew, and the stage's process, DVC, or both killed (SIGKILL). The moments are spread evenly over the first run's
time. In some cases everything is taken away, in the others what was finished by that moment stays, and the later stages
come from DVC's run-cache: so only the stage in question is computed. Exit status 1 if any case ends otherwise.
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
REMEDIES = {  # what DVC says of what it left half-written, and what takes that away
    r"remove '.*rwlock'|RWLock-file": ("rm", ".dvc/tmp/rwlock"),
    r"dvc.lock' (validation failed|is invalid)|structure is corrupted": ("git", "restore", "dvc.lock"),
}


class Repro:
    """A running `dvc repro`, in a process group of its own: its lines, with the seconds at which they came."""

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
        self.reader = threading.Thread(target=self._read, daemon=True)  # until the last process has let go of the pipe
        self.reader.start()

    def _read(self) -> None:
        for line in self.process.stdout:
            self.lines.append((time.monotonic() - self.began, line))

    def output(self) -> str:
        """What was printed so far."""
        return "".join(line for _, line in self.lines)

    def wait_for(self, text: str, seconds: float = 0) -> None:
        """Wait until a line with the text has come, and then some seconds, or until DVC ends."""
        while self.process.poll() is None and text not in self.output():
            time.sleep(0.01)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return

    def stage(self) -> psutil.Process | None:
        """The process of the stage that runs now."""
        try:
            children = psutil.Process(self.process.pid).children(recursive=True)
            return next((child for child in children if "-m" in child.cmdline()), None)
        except psutil.NoSuchProcess:
            return None

    def kill(self, victim: str) -> bool:
        """Kill the stage, DVC and not the stage, or both, and wait for DVC's end; False: nothing was left to kill."""
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
    """Put a clone back to before it ran some stages.

    Args:
        lock: dvc.lock of a whole run.
        stages: their entries and outputs go.
        computed: those of them that DVC shall not find in its cache.
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
            shutil.rmtree(record.parent)  # an empty one would make DVC stumble
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
    """Delete a cached object; of a folder, its files too."""
    path = store / md5[:2] / md5[2:]
    if md5.endswith(".dir") and path.exists():
        for part in json.loads(path.read_bytes()):
            delete_object(store, part["md5"])
    path.unlink(missing_ok=True)


def finish(folder: Path, *targets: str) -> tuple[list[str], str]:
    """Run `dvc repro` to its end, with what DVC's messages ask for in between.

    Returns:
        The commands that were needed besides, and the output of the last `dvc repro`.
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
    stage: str  # that ran at the moment
    victim: str
    cold: bool
    outcome: str  # "same", or what else


def one_case(folder: Path, lock: str, moment: tuple[str, float], victim: str, cold: bool) -> tuple[Case, str]:
    """Take away, run, kill some seconds after the start of a stage, run again, compare; the case, and what was said."""
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
    outcome = "same" if same and not dirty else f"OTHERWISE (dvc.lock {'same' if same else 'differs'}, {dirty!r})"
    outcome += "".join(f", after {command}" for command in needed)
    outcome += ", resumed" if "resuming at epoch" in said else ""
    outcome += ", ended before" if not hit else ""
    return Case(at[-1] if at else "(start)", victim, cold, outcome), repro.output() + said


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("count", type=int, help="how many moments")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cold", type=float, default=0.3, help="share of the cases in which everything is taken away")
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
