"""Contenders, each in a process of its own, measured in turn, round after round: A B C, A B C, ...

Only the standard library: a contender may run in another interpreter than this project's.
"""

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
Answer = dict[str, object]


class LeftOutError(Exception):
    """Why a contender does not take part, or no longer."""


class Contender:
    """A process that has set itself up, and measures once whenever it is asked."""

    def __init__(self, module: str, *arguments: str, python: str = sys.executable, environment: Mapping | None = None):
        """Start `python -m module arguments` and wait until it is set up; what it says of itself is in about.

        Raises:
            LeftOutError: there is no such interpreter, a package is missing, or it failed: its last line.
        """
        self.errors = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115, lives as long as the process
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": self.errors, "text": True}
        command = [python, "-m", module, *arguments]
        try:
            self.process = subprocess.Popen(command, cwd=REPOSITORY, env=environment, **pipes)
        except OSError as error:
            raise LeftOutError(f"no interpreter {python}: {error.strerror}") from None
        try:
            self.about = self._answer()
        except LeftOutError:
            self.close()
            raise

    def measure(self) -> Answer:
        """Have it measure once.

        Raises:
            LeftOutError: it has failed: its last line.
        """
        with contextlib.suppress(BrokenPipeError):  # what it died of stands below
            print(file=self.process.stdin, flush=True)
        return self._answer()

    def close(self) -> None:
        """End it."""
        with contextlib.suppress(BrokenPipeError):  # it has died, with a question unread
            self.process.stdin.close()  # nothing more is asked
        self.process.stdout.close()
        self.process.wait()
        self.errors.close()

    def _answer(self) -> Answer:
        line = self.process.stdout.readline()
        if not line:
            self.errors.seek(0)
            said = self.errors.read().strip().splitlines() or ["it ended without a word"]
            raise LeftOutError(f"failed: {said[-1]}")
        answer = json.loads(line)
        if "missing" in answer:
            raise LeftOutError(f"{answer['missing']} is not installed")
        return answer


def serve(set_up: Callable[[], tuple[Answer, Callable[[], Answer]]]) -> None:
    """Be a contender: set up, say so, then measure once for every line of standard input.

    Args:
        set_up: gives what to say of itself, and the measurement.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever libraries print is no answer
    try:
        about, measure = set_up()
    except ModuleNotFoundError as error:
        print(json.dumps({"missing": error.name}), file=answers, flush=True)
        return
    print(json.dumps(about), file=answers, flush=True)
    for _ in sys.stdin:
        print(json.dumps(measure()), file=answers, flush=True)


def interleave(measures: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Measure each once a round, in turn; the values by name, one a round."""
    values = {name: [] for name in measures}
    for number in range(rounds):
        for name, measure in measures.items():
            values[name].append(measure())
            print(f"  round {number + 1}: {name} {values[name][-1]:.4g}", file=sys.stderr, flush=True)
    return values


def summary(values: Iterable[float]) -> dict[str, object]:
    """Median, least, greatest, and the values themselves."""
    values = list(values)
    return {"median": statistics.median(values), "min": min(values), "max": max(values), "rounds": values}


def ratio(values: Iterable[float], others: Iterable[float]) -> float:
    """Median of the ratios within each round: what slows a whole round down leaves them alone."""
    return statistics.median(value / other for value, other in zip(values, others, strict=True))
