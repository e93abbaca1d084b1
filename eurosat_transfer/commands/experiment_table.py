"""List the DVC experiments of this commit, the best one first, in at most 100 columns.

    python -m eurosat_transfer experiments

For each experiment it prints the test accuracy of each classifier with its 95 % interval, and the
parameters that differ from the commit. The best experiment is the one with the most accurate
classifier; if these are equal, the second best decides, and so on. Experiments that have no results
yet, or that failed, come last.

An interval does not say whether one experiment is better than another: the test images are the
same, and the best of many experiments is partly lucky.
"""

import argparse
import json
import subprocess
import sys
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from eurosat_transfer.errors import UserError
from eurosat_transfer.evaluation.classifiers import CLASSIFIERS
from eurosat_transfer.pipeline.git_repository import check_git
from eurosat_transfer.pipeline.workspace import workspace_root

WIDTH = 100
CELL = len("0.877-0.922")
GAP = "  "
LONGEST_VALUE = 40  # of a parameter; longer values are cut
WAY_BACK = """`dvc exp run` leaves its parameters and results in the working tree. To get back to the commit:
    git restore params.yaml dvc.lock metrics ':!metrics/seeds.json' && dvc checkout"""


class Experiment(NamedTuple):
    """An experiment, or the commit that it started from.

    Attributes:
        name: of the experiment.
        state: why there are no results: queued, running or failed; empty if it is finished.
        params: by "section.key": the value.
        tests: by classifier that has results: accuracy, accuracy_low, accuracy_high on test.
    """

    name: str
    state: str
    params: dict[str, Any]
    tests: dict[str, Mapping[str, float]]

    def accuracies(self) -> list[float]:
        """Return the test accuracies of all classifiers, the best one first."""
        return sorted((test["accuracy"] for test in self.tests.values()), reverse=True)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add nothing: the command has no arguments."""


def run(_arguments: argparse.Namespace) -> None:
    """Print the table.

    Raises:
        UserError: there is no Git repository, or DVC could not list the experiments.
    """
    check_git(Path.cwd())
    command = [sys.executable, "-m", "dvc", "exp", "show", "--json"]
    shown = subprocess.run(command, check=False, capture_output=True, text=True, encoding="utf-8")
    if shown.returncode:
        raise UserError(f"`dvc exp show` failed: {' '.join(shown.stderr.split())}")
    baseline, experiments = parse_experiments(
        json.loads(shown.stdout), Path.cwd().resolve().relative_to(workspace_root())
    )
    if not experiments:
        print("this commit has no experiments yet; `dvc exp run -S section.key=value` makes one")
        return
    print(f"\n{format_experiments(baseline, experiments)}\n\n{WAY_BACK}")


def parse_experiments(shown: Sequence[Mapping[str, Any]], folder: Path = Path()) -> tuple[Experiment, list[Experiment]]:
    """Parse what `dvc exp show --json` prints.

    Args:
        shown: the working tree, and then the commit with its experiments.
        folder: of this project in the DVC repository.

    Returns:
        The commit, and its experiments in the order of DVC.

    Source:
        https://dvc.org/doc/command-reference/exp/show
    """
    commit = next(entry for entry in shown if entry["rev"] != "workspace")
    baseline = _parse(commit, f"{commit['name'] or 'commit'} ({commit['rev'][:7]})", {}, folder)
    found = [
        _parse(experiment["revs"][0], experiment["name"] or experiment["revs"][0]["rev"][:7], experiment, folder)
        for experiment in commit.get("experiments") or ()
    ]
    return baseline, found


def _parse(entry: Mapping[str, Any], name: str, experiment: Mapping[str, Any], folder: Path) -> Experiment:
    state = ((experiment.get("executor") or {}).get("state") or "").lower()
    state = "" if state == "success" else state
    data = entry.get("data")
    if not data:
        return Experiment(name, state or "failed", {}, {})
    params = (data["params"].get((folder / "params.yaml").as_posix()) or {}).get("data") or {}
    tests = {}
    if not state:  # DVC repeats the results of the commit for an experiment that is queued
        files = {name: (folder / f"metrics/{name}.json").as_posix() for name in CLASSIFIERS}
        metrics = {name: (data["metrics"].get(file) or {}).get("data") or {} for name, file in files.items()}
        tests = {name: figures["test"] for name, figures in metrics.items() if "test" in figures}
    return Experiment(name, state, _flatten(params), tests)


def _flatten(params: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in params.items():
        flat |= _flatten(value, f"{prefix}{key}.") if isinstance(value, dict) and value else {f"{prefix}{key}": value}
    return flat


def list_changes(baseline: Mapping[str, Any], params: Mapping[str, Any]) -> list[str]:
    """List the parameters that differ from those of the commit.

    Args:
        baseline: parameters of the commit, by "section.key".
        params: parameters of the experiment.

    Returns:
        "section.key=value" each, with long values cut. A parameter that is gone is "~section.key".
    """
    differing = {key: value for key, value in params.items() if key not in baseline or baseline[key] != value}
    changed = [f"{key}={_shorten(value)}" for key, value in differing.items()]
    return changed + [f"~{key}" for key in baseline if key not in params]


def _shorten(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"


def format_experiments(baseline: Experiment, experiments: Sequence[Experiment]) -> str:
    """Format a table with the best experiment first.

    Args:
        baseline: the commit.
        experiments: one or more, in any order.

    Returns:
        The lines, joined, with at most 100 columns. Each experiment has a line with accuracies, a line with their
        intervals, and lines with its changes. Classifiers are ordered by their best accuracy; if not all fit, the last
        ones are left out, and a line names them.
    """
    by_name = sorted([*experiments, baseline], key=lambda row: row.name)
    rows = sorted(by_name, key=Experiment.accuracies, reverse=True)  # lists are compared element by element
    found = {name: [row.tests[name]["accuracy"] for row in rows if name in row.tests] for name in CLASSIFIERS}
    best_first = sorted((name for name in found if found[name]), key=lambda name: -max(found[name]))
    widths = {name: max(CELL, len(name)) for name in best_first}
    label = min(max(map(len, ["test accuracy", *(row.name for row in rows)])), 30)
    columns: list[str] = []
    for name in best_first:
        if label + sum(len(GAP) + widths[column] for column in [*columns, name]) > WIDTH:
            break
        columns.append(name)
    lines = [_line("test accuracy", [name.rjust(widths[name]) for name in columns], label)]
    for row in rows:
        names = textwrap.wrap(row.name, label)
        tests = [row.tests.get(name) for name in columns]
        accuracies = [f"{test['accuracy']:.3f}" if test else "-" for test in tests]
        intervals = [f"{test['accuracy_low']:.3f}-{test['accuracy_high']:.3f}" if test else "" for test in tests]
        cells = [accuracies, intervals] if row.tests else [[row.state or "no results"]]
        for number in range(max(len(names), len(cells))):
            values = cells[number] if number < len(cells) else []
            if row.tests:
                values = [value.rjust(widths[name]) for value, name in zip(values, columns, strict=False)]
            lines.append(_line(names[number] if number < len(names) else "", values, label))
        if row is not baseline:
            changes = ", ".join(list_changes(baseline.params, row.params)) if row.params else ""
            lines += textwrap.wrap(
                changes or "no parameter differs from the commit",
                WIDTH,
                initial_indent="    ",
                subsequent_indent="    ",
                break_on_hyphens=False,
            )
    left_out = best_first[len(columns) :]
    if left_out:
        lines += textwrap.wrap(f"left out, because 100 columns have no room: {', '.join(left_out)}", WIDTH)
    return "\n".join(lines)


def _line(name: str, cells: Sequence[str], width: int) -> str:
    return GAP.join([name.ljust(width), *cells]).rstrip()
