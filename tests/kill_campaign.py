"""Kill the pipeline at random moments, and check that `dvc repro` then ends with the same dvc.lock.

    python tests/kill_campaign.py 50
    python tests/kill_campaign.py 200 --minutes 60

It works in a temporary clone with tiny parameters. The first run is left alone. In each case the results are deleted,
`dvc repro` starts again, and SIGKILL ends the stage's process, DVC, or both. The first cases kill each stage three
times, at a random moment of its time. The moments of the others are spread evenly over the time of the first run. Every
third case is cold: it deletes all results. The other cases keep what was finished by that moment, and take the later
stages from DVC's run-cache, so that only one stage is computed. The exit status is 1 if a case ends differently.
"""

import argparse
import collections
import json
import math
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

import numpy as np
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
HITS = 3  # of each stage at least, if there are so many cases
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


def spread_moments(starts: dict[str, float], end: float, count: int, rng: random.Random) -> list[tuple[str, float]]:
    """Spread moments over the time of the uninterrupted run.

    Args:
        starts: by stage, when it started, in seconds.
        end: when the run ended.
        count: number of moments.
        rng: of the moments.

    Returns:
        The stage of each moment, and the seconds after its start, in random order: a time limit leaves out no part.
    """
    first = min(starts.values())
    moments = [first + (end - first) * (number + rng.random()) / count for number in range(count)]
    rng.shuffle(moments)
    stages = [max((stage for stage in starts if starts[stage] <= at), key=starts.__getitem__) for at in moments]
    return [(stage, at - starts[stage]) for stage, at in zip(stages, moments, strict=True)]


def main() -> None:
    """Run the campaign."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("count", type=int, help="number of cases")
    parser.add_argument("--minutes", type=float, default=math.inf, help="start no case after this time (no limit)")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    began, rng = time.monotonic(), random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "clone"
        make_clone(folder, **PARAMS)
        reference = Repro(folder)
        assert reference.process.wait() == 0, reference.output()
        reference.reader.join()
        run("git", "add", "-A", cwd=folder)
        run("git", "commit", "-qm", "results", cwd=folder)
        lock = (folder / "dvc.lock").read_text(encoding="utf-8")
        starts = {line.split("'")[1]: at for at, line in reference.lines if line.startswith("Running stage")}
        stages, end = list(starts), reference.lines[-1][0]
        seconds = dict(zip(stages, np.diff([*starts.values(), end]).tolist(), strict=True))
        print(f"uninterrupted: {end:.0f} s, {len(stages)} stages", flush=True)
        spread = spread_moments(starts, end, arguments.count, rng)
        cases: list[Case] = []
        for number in range(arguments.count):
            if time.monotonic() - began > arguments.minutes * 60:
                print(f"the time is over after {number} of {arguments.count} cases")
                break
            hits = collections.Counter(case.stage for case in cases)
            rarest = min(stages, key=hits.__getitem__)
            moment = spread[number]
            if arguments.count >= HITS * len(stages) and hits[rarest] < HITS:
                moment = rarest, rng.uniform(0, 0.8) * seconds[rarest]  # it can be faster than in the first run
            # Each stage is cold once in three cases, and has another victim in each of them.
            place, before = stages.index(moment[0]), hits[moment[0]]
            victim, cold = VICTIMS[(2 * before + place) % 3], (before + place) % 3 == 0
            case, said = one_case(folder, lock, moment, victim, cold)
            cases.append(case)
            print(
                f"{number + 1:3} {moment[0]:>12} + {moment[1]:4.1f} s  {case.stage:12} {case.victim:6} "
                f"{'cold' if cold else 'warm':5}{case.outcome}",
                flush=True,
            )
            if not case.outcome.startswith("same"):
                print(said, flush=True)
    print_tally(cases)
    sys.exit(any(not case.outcome.startswith("same") for case in cases))


def print_tally(cases: list[Case]) -> None:
    """Print how often each stage was killed, cold and warm, which process was killed, and how the cases ended."""
    print(f"\n{len(cases)} cases, {sum(case.cold for case in cases)} of them cold\n")
    columns = {"cold": lambda case: case.cold, "warm": lambda case: not case.cold}
    columns |= {victim: lambda case, victim=victim: case.victim == victim for victim in VICTIMS}
    print(f"{'killed during':14}" + "".join(f"{name:>7}" for name in columns))
    for stage in dict.fromkeys(case.stage for case in cases):
        counts = [sum(case.stage == stage and test(case) for case in cases) for test in columns.values()]
        print(f"{stage:14}" + "".join(f"{count:7}" for count in counts))
    for outcome, count in collections.Counter(case.outcome for case in cases).most_common():
        print(f"{count:4}  {outcome}")


if __name__ == "__main__":
    main()
