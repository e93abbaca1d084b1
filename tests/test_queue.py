"""Many variants at once: the real queue of DVC, two workers."""

import itertools
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dvc.api
import pytest
from conftest import REPOSITORY, environment, run
from conftest import dvc as run_dvc

from stages.common.once import once
from stages.common.stage import alone

pytestmark = pytest.mark.xdist_group("reproduced")
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
BEST_FIRST = re.search(r"dvc exp show --hide-workspace .*\n.*--sort-order desc", README)[0]
GRID = list(itertools.product((2, 4), (5, 6)))  # knn.k, pixels.C: the first two tasks, which start together, share knn


def tasks(folder: Path) -> dict[str, str]:
    """Status of the queue's tasks, by name."""
    rows = [line.split() for line in run_dvc(folder, "queue", "status").splitlines()]
    return {row[1]: row[-1] for row in rows[1:] if row and re.fullmatch("[0-9a-f]{7}", row[0])}


@pytest.fixture(scope="module")
def queued(reproduced):
    """The clone after a queue of the grid has run, and each task's log; compare, whose path has no TensorFlow."""
    names = [f"grid-{number}" for number in range(len(GRID))]
    for name, (k, C) in zip(names, GRID, strict=True):
        run_dvc(reproduced, "exp", "run", "--queue", "-n", name, "-S", f"knn.k={k}", "-S", f"pixels.C={C}", "compare")
    before = run("git", "status", "--porcelain", cwd=reproduced).stdout
    run_dvc(reproduced, "queue", "start", "-j", "2")
    try:
        end = time.monotonic() + 600
        while {"Queued", "Running"} & set(tasks(reproduced).values()) and time.monotonic() < end:
            time.sleep(1)
        logs = {name: run_dvc(reproduced, "queue", "logs", name) for name in names}
        assert tasks(reproduced) == dict.fromkeys(names, "Success"), logs
        assert run("git", "status", "--porcelain", cwd=reproduced).stdout == before  # the working tree is as it was
        yield reproduced, logs
    finally:
        run("dvc", "queue", "stop", "--kill", cwd=reproduced)
        run("dvc", "queue", "remove", "--all", cwd=reproduced)
        run("dvc", "exp", "remove", *names, cwd=reproduced)


def computed(log: str) -> list[str]:
    """Stages that a task has really computed."""
    return [stage for stage in re.findall(r"Running stage '(\w+)'", log) if f"\n{stage}: taken from" not in log]


def test_what_variants_share_is_computed_once(queued):
    _, logs = queued
    ran = [(stage, k, C) for (k, C), log in zip(GRID, logs.values(), strict=True) for stage in computed(log)]
    assert sorted(k for stage, k, _ in ran if stage == "knn") == [2, 4]
    assert sorted(C for stage, _, C in ran if stage == "pixels") == [5, 6]
    assert sorted((k, C) for stage, k, C in ran if stage == "compare") == GRID
    assert {stage for stage, *_ in ran} == {"knn", "pixels", "compare"}


def test_the_readme_shows_the_best_first(queued):
    folder, logs = queued
    command = BEST_FIRST.replace("\\\n", " ").replace("metrics/svm.json", "metrics/knn.json")
    table = run("sh", "-c", command, cwd=folder, COLUMNS="120").stdout
    assert max(map(len, table.splitlines())) <= 120
    assert "…" not in table
    columns = next(line.split() for line in table.splitlines() if "Experiment" in line)[1:]
    found = re.findall(r"\[(grid-\d)\] +(.*)", table)
    rows = {name: dict(zip(columns, map(float, row.split()), strict=True)) for name, row in found}
    assert {name: (row["knn.k"], row["pixels.C"]) for name, row in rows.items()} == dict(zip(logs, GRID, strict=True))
    shown = [row["metrics/knn.json:test.accuracy"] for row in rows.values()]
    assert shown == sorted(shown, reverse=True)
    for name, accuracy in zip(rows, shown, strict=True):
        metrics = json.loads(dvc.api.read("metrics/knn.json", repo=str(folder), rev=name))
        assert metrics["test"]["accuracy"] == pytest.approx(accuracy, abs=1e-5)


HOLDER = """
import time
from stages.common.once import once
from stages.common.stage import alone
with alone("svm"), once("svm") as taken:
    print("in", taken, flush=True)
    time.sleep(60)
"""


@contextmanager
def computing(folder: Path) -> Iterator[subprocess.Popen]:
    """A process in a folder that computes svm, for DVC as it seems."""
    variables = environment(PYTHONPATH=str(REPOSITORY))
    command = [sys.executable, "-c", HOLDER]
    with subprocess.Popen(command, cwd=folder, env=variables, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "in False\n"
        yield process
        process.kill()


@pytest.fixture
def task(features, tmp_path) -> Path:  # noqa: ARG001
    """The folder of a queue's task within a world."""
    folder = tmp_path / ".dvc/tmp/exps/tmp1"
    folder.mkdir(parents=True)
    for name in ("dvc.yaml", "params.yaml", "stages", "data"):
        (folder / name).symlink_to(tmp_path / name)
    return folder


def test_what_a_task_computes_is_waited_for_and_computed_again_if_that_fails(task, capfd):
    ended = threading.Event()
    with computing(task) as other:
        threading.Timer(1, lambda: (ended.set(), other.kill())).start()
        with once("svm") as taken:
            assert ended.is_set()
            assert not taken
    assert "another run of DVC computes svm from the same inputs: waiting for it" in capfd.readouterr().out


@pytest.fixture
def made_by_one_gone(reproduced, monkeypatch):
    """Say that knn was made so many seconds ago by a DVC that is no more."""
    monkeypatch.chdir(reproduced)
    for file in Path(".dvc/tmp/once").glob("knn-*"):  # of the grid
        file.unlink()
    with once("knn"):
        pass
    (file,) = Path(".dvc/tmp/once").glob("knn-*")
    with subprocess.Popen(["true"]) as gone:
        pass

    def made(seconds: int) -> None:
        file.write_text(str(gone.pid), encoding="ascii")
        os.utime(file, (time.time() - seconds,) * 2)

    return made


def test_what_a_task_that_is_gone_made_meanwhile_is_taken(made_by_one_gone):
    for seconds, expected in ((0, True), (10**9, False)):  # made just now; made before this DVC: it forces the stage
        made_by_one_gone(seconds)
        with once("knn") as taken:
            assert taken is expected


def test_a_record_that_dvc_is_writing_is_left_alone(made_by_one_gone):
    made_by_one_gone(0)
    written = [folder / ".x.tmp" for folder in Path(".dvc/cache/runs").glob("*/*")]
    try:
        for record in written:
            record.touch()
        with once("knn") as taken:
            assert not taken
        assert all(record.exists() for record in written)  # as one that it cannot read, DVC would have deleted it
    finally:
        for record in written:
            record.unlink()


def test_dvc_is_found_behind_a_shell_that_stays(tmp_path):
    shell = tmp_path / "stays"
    shell.write_text('#!/bin/sh\n"$@"\nexit\n', encoding="ascii")
    shell.chmod(0o755)
    code = "from stages.common.once import _dvc; print(_dvc())"
    for variables in ({"SHELL": str(shell)}, {}):
        command = [*variables.values(), sys.executable, "-c", code]
        found = run(*command, cwd=REPOSITORY, **variables).stdout
        assert int(found) == os.getpid()


def test_other_parameters_do_not_wait(task, world):
    with computing(task) as other:
        world(**{"svm.C": 2})
        with once("svm"), once("tsne"):
            assert other.poll() is None


def test_a_task_of_the_same_stage_is_not_ended(task):
    with computing(task) as other, alone("svm"):
        assert other.poll() is None
