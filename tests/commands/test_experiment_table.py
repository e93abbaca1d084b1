"""The command `experiments`."""

import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from conftest import dvc, run

from eurosat_transfer import __main__ as command_line
from eurosat_transfer.commands import experiment_table
from eurosat_transfer.commands.experiment_table import Experiment, format_experiments, list_changes, parse_experiments
from eurosat_transfer.errors import UserError
from eurosat_transfer.evaluation.classifiers import CLASSIFIERS


def scores(**accuracies: float) -> dict:
    return {
        name: {"accuracy": a, "accuracy_low": a - 0.05, "accuracy_high": a + 0.05} for name, a in accuracies.items()
    }


def experiment(name: str, params: dict | None = None, state: str = "", **accuracies: float) -> Experiment:
    return Experiment(name, state, {"svm.C": 10, "knn.k": 5} | (params or {}), scores(**accuracies))


BASELINE = experiment("main (1234567)", svm=0.8, knn=0.6)


def entry(rev: str, name: str | None, params: dict, tests: dict, **more) -> dict:
    metrics = {f"metrics/{key}.json": {"data": {"val": {}, "test": test}} for key, test in tests.items()}
    return {"rev": rev, "name": name, "data": {"params": {"params.yaml": {"data": params}}, "metrics": metrics}} | more


def test_experiments_are_parsed_with_their_state():
    params = {"svm": {"C": 10}, "backbone": {"options": {}, "pretrain": {"epochs": 5}}}
    tests = scores(svm=0.7)
    runs = [
        {"name": "done", "revs": [entry("a" * 40, "done", params, tests)], "executor": None},
        {"name": "finished", "revs": [entry("b" * 40, None, params, tests)], "executor": {"state": "success"}},
        {"name": None, "revs": [entry("c" * 40, None, params, tests)], "executor": {"state": "queued"}},
        {"name": "broken", "revs": [{"rev": "d" * 40, "error": {"msg": "x"}}], "executor": {"state": "failed"}},
    ]
    shown = [entry("workspace", None, {}, {}), entry("e" * 40, "main", params, tests, experiments=runs)]
    baseline, found = parse_experiments(shown)
    assert baseline.name == "main (eeeeeee)"
    assert baseline.params == {"svm.C": 10, "backbone.options": {}, "backbone.pretrain.epochs": 5}
    assert baseline.tests == tests
    assert [(row.name, row.state, bool(row.tests)) for row in found] == [
        ("done", "", True),
        ("finished", "", True),
        ("ccccccc", "queued", False),  # DVC shows the results of the commit for it
        ("broken", "failed", False),
    ]


def test_a_project_in_a_folder_of_the_repository_is_parsed():
    data = {
        "params": {"lab/params.yaml": {"data": {"svm": {"C": 1}}}, "params.yaml": {"data": {"svm": {"C": 2}}}},
        "metrics": {"lab/metrics/svm.json": {"data": {"test": scores(svm=0.7)["svm"]}}},
    }
    shown = [entry("workspace", None, {}, {}), {"rev": "e" * 40, "name": "main", "data": data}]
    baseline, _ = parse_experiments(shown, Path("lab"))
    assert (baseline.params, baseline.tests) == ({"svm.C": 1}, scores(svm=0.7))


def test_only_parameters_that_differ_are_changes():
    changes = list_changes(
        {"a.x": 1, "a.y": 2, "a.gone": 3}, {"a.x": 1, "a.y": None, "a.new": [1, 2], "a.path": "p" * 99}
    )
    assert changes == ["a.y=null", "a.new=[1, 2]", f"a.path={'p' * 39}…", "~a.gone"]


def test_the_best_experiment_comes_first():
    runs = [
        experiment("worse", {"knn.k": 9}, svm=0.8, knn=0.5),
        experiment("queued", {"knn.k": 2}, state="queued"),
        experiment("better", {"svm.C": 1, "knn.k": 7}, svm=0.8, knn=0.7),
    ]
    assert format_experiments(BASELINE, runs).splitlines() == [
        "test accuracy           svm          knn",
        "better                0.800        0.700",
        "                0.750-0.850  0.650-0.750",
        "    svm.C=1, knn.k=7",
        "main (1234567)        0.800        0.600",
        "                0.750-0.850  0.550-0.650",
        "worse                 0.800        0.500",
        "                0.750-0.850  0.450-0.550",
        "    knn.k=9",
        "queued          queued",
        "    knn.k=2",
    ]


def test_an_experiment_can_lack_a_classifier():
    table = format_experiments(BASELINE, [experiment("partial", knn=0.5)])
    assert re.search(r"^partial +- +0\.500$", table, re.MULTILINE)
    assert "no parameter differs from the commit" in table


def test_long_names_and_many_parameters_are_wrapped():
    name = "a-very-long-name-of-an-experiment-that-somebody-typed-into-a-script"
    params = {f"section.parameter_{number}": number for number in range(30)} | {"data.path": "/" + "x" * 200}
    table = format_experiments(BASELINE, [experiment(name, params, **dict.fromkeys(CLASSIFIERS, 0.9))])
    assert max(map(len, table.splitlines())) <= 100
    assert name in "".join(line.split()[0] for line in table.splitlines()[1:4])
    assert all(f"section.parameter_{number}={number}" in table for number in range(30))


def test_classifiers_without_room_are_left_out_by_name(monkeypatch):
    names = [f"classifier_{letter}" for letter in "abcdefghij"]
    monkeypatch.setattr(experiment_table, "CLASSIFIERS", dict.fromkeys(names))
    accuracies = {name: 0.5 + 0.01 * number for number, name in enumerate(names)}
    table = format_experiments(BASELINE._replace(tests=scores(**accuracies)), [experiment("a", **accuracies)])
    header, *_, left_out = table.splitlines()
    assert max(map(len, table.splitlines())) <= 100
    assert header.split()[2] == "classifier_j"
    assert left_out.startswith("left out, because 100 columns have no room: classifier_")
    assert set(header.split()[2:]) | set(left_out.partition(": ")[2].split(", ")) == set(names)


@pytest.fixture
def show(world, monkeypatch, capsys):
    """Run the command with what DVC answers: show(status, stdout, stderr) -> what is printed."""
    world()

    def run_command(status: int, stdout: str, stderr: str = "") -> str:
        answer = subprocess.CompletedProcess([], status, stdout, stderr)
        monkeypatch.setattr(experiment_table, "check_git", lambda _: None)
        monkeypatch.setattr(subprocess, "run", lambda *_, **__: answer)
        parsed = command_line.parse_arguments(["experiments"])
        parsed.run(parsed)
        return capsys.readouterr().out

    return run_command


def test_a_commit_without_experiments_says_how_to_make_one(show):
    shown = [entry("workspace", None, {}, {}), entry("e" * 40, "main", {}, {}, experiments=None)]
    assert "no experiments yet; `dvc exp run -S section.key=value`" in show(0, json.dumps(shown))


def test_an_error_of_dvc_is_reported(show):
    with pytest.raises(UserError, match="`dvc exp show` failed: ERROR: not a repository"):
        show(1, "", "ERROR: not\na repository\n")


def test_the_printed_commands_lead_back_to_the_commit(reproduced):
    dvc(reproduced, "exp", "run", "--name", "more", "-S", "knn.k=7", "compare")
    assert run("git", "status", "--porcelain", cwd=reproduced).stdout != ""
    seeds = reproduced / "metrics/seeds.json"  # hours of work, which no experiment has changed
    before = seeds.read_bytes()
    seeds.write_bytes(before + b"\n")
    printed = run("python", "-m", "eurosat_transfer", "experiments", cwd=reproduced).stdout
    assert re.search(r"^more .*\n.*\n    knn\.k=7$", printed, re.MULTILINE)
    assert max(map(len, printed.splitlines())) <= 100
    command = printed.splitlines()[-1].strip()
    assert shlex.split(command)[0] == "git"
    assert run("sh", "-c", command, cwd=reproduced).returncode == 0
    assert seeds.read_bytes() == before + b"\n"
    seeds.write_bytes(before)
    assert run("git", "status", "--porcelain", cwd=reproduced).stdout == ""
    assert "up to date" in dvc(reproduced, "status")
