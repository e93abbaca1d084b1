"""Contenders, each in its own process, that are measured in turn: A B C, A B C, ...

This module uses the standard library only, because a contender can run in another interpreter than this project.
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
    """A contender does not take part, or has stopped; the message says why."""


class Contender:
    """A process that has prepared itself, and measures once whenever it is asked.

    Attributes:
        process: the process.
        about: what the contender reports about itself.
    """

    def __init__(self, module: str, *arguments: str, python: str = sys.executable, environment: Mapping | None = None):
        """Start `python -m module arguments` and wait until it is ready.

        Args:
            module: calls serve().
            arguments: of the module.
            python: path of the interpreter.
            environment: variables of the process; None for those of this process.

        Raises:
            LeftOutError: the interpreter or a package does not exist, or the process failed; the message has the last
                line that it printed.
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
        """Let the process measure once.

        Raises:
            LeftOutError: the process has failed; the message has the last line that it printed.
        """
        with contextlib.suppress(BrokenPipeError):  # the process is dead; reading its answer reports why
            print(file=self.process.stdin, flush=True)
        return self._answer()

    def close(self) -> None:
        """End the process."""
        with contextlib.suppress(BrokenPipeError):  # the process is dead and has not read its input
            self.process.stdin.close()  # the process ends at the end of its input
        self.process.stdout.close()
        self.process.wait()
        self.errors.close()

    def _answer(self) -> Answer:
        line = self.process.stdout.readline()
        if not line:
            self.errors.seek(0)
            said = self.errors.read().strip().splitlines() or ["it printed nothing"]
            raise LeftOutError(f"failed: {said[-1]}")
        answer = json.loads(line)
        if "missing" in answer:
            raise LeftOutError(f"{answer['missing']} is not installed")
        return answer


def serve(set_up: Callable[[], tuple[Answer, Callable[[], Answer]]]) -> None:
    """Act as a contender: prepare, report that, and then measure once for every line of standard input.

    Args:
        set_up: returns what to report, and the function that measures.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print on standard output goes to standard error
    try:
        about, measure = set_up()
    except ModuleNotFoundError as error:
        print(json.dumps({"missing": error.name}), file=answers, flush=True)
        return
    print(json.dumps(about), file=answers, flush=True)
    for _ in sys.stdin:
        print(json.dumps(measure()), file=answers, flush=True)


def interleave(measures: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Call each measurement once per round, in turn.

    Returns:
        One value per round, by name.
    """
    values = {name: [] for name in measures}
    for number in range(rounds):
        for name, measure in measures.items():
            values[name].append(measure())
            print(f"  round {number + 1}: {name} {values[name][-1]:.4g}", file=sys.stderr, flush=True)
    return values


def summary(values: Iterable[float]) -> dict[str, object]:
    """Summarise values by median, min and max, beside the values themselves."""
    values = list(values)
    return {"median": statistics.median(values), "min": min(values), "max": max(values), "rounds": values}


def ratio(values: Iterable[float], others: Iterable[float]) -> float:
    """Compute the median of the ratios within each round. What slows a whole round down does not change them."""
    return statistics.median(value / other for value, other in zip(values, others, strict=True))
