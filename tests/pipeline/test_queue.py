"""Many variants at once: the real queue of DVC with two workers."""

import itertools
import json
import re
import shutil
import time
from pathlib import Path

import dvc.api
import pytest
from conftest import REPOSITORY, run
from conftest import dvc as run_dvc

from eurosat_transfer.evaluation.classifiers import CLASSIFIERS

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("queue")]  # the tests share one queue
# knn.k and pixels.C. The first two tasks start together, and share knn; later tasks also find finished stages.
DEFAULTS = {"knn.k": 5, "pixels.C": 10}
GRID = list(itertools.product((2, 4), (5, 6)))


def tasks(folder: Path) -> dict[str, str]:
    """Read the status of the queue's tasks, by name."""
    rows = [line.split() for line in run_dvc(folder, "queue", "status").splitlines()]
    return {row[1]: row[-1] for row in rows[1:] if row and re.fullmatch("[0-9a-f]{7}", row[0])}


@pytest.fixture(scope="module")
def clone(pristine, tmp_path_factory) -> Path:
    """Copy the reproduced clone once for the queue."""
    return shutil.copytree(pristine, tmp_path_factory.mktemp("queue") / "clone", symlinks=True)


@pytest.fixture(scope="module")
def logs(clone):
    """Run a queue of the grid up to compare, which needs no TensorFlow. Returns the log of each task, by name."""
    names = [f"grid-{number}" for number in range(len(GRID))]
    for name, (k, C) in zip(names, GRID, strict=True):
        run_dvc(clone, "exp", "run", "--queue", "-n", name, "-S", f"knn.k={k}", "-S", f"pixels.C={C}", "compare")
    before = run("git", "status", "--porcelain", cwd=clone).stdout
    run_dvc(clone, "queue", "start", "-j", "2")
    try:
        end = time.monotonic() + 600
        while {"Queued", "Running"} & set(tasks(clone).values()) and time.monotonic() < end:
            time.sleep(1)
        found = {name: run_dvc(clone, "queue", "logs", name) for name in names}
        assert tasks(clone) == dict.fromkeys(names, "Success"), found
        assert run("git", "status", "--porcelain", cwd=clone).stdout == before  # the working tree is unchanged
        yield found
    finally:
        run("dvc", "queue", "stop", "--kill", cwd=clone)
        run("dvc", "queue", "remove", "--all", cwd=clone)
        run("dvc", "exp", "remove", *names, cwd=clone)


def computed(log: str) -> list[str]:
    """List the stages that a task computed itself."""
    return [stage for stage in re.findall(r"Running stage '(\w+)'", log) if f"\n{stage}: taken from another" not in log]


def test_variants_compute_shared_stages_once(logs):
    ran = [(stage, k, C) for (k, C), log in zip(GRID, logs.values(), strict=True) for stage in computed(log)]
    assert sorted(k for stage, k, _ in ran if stage == "knn") == [2, 4]
    assert sorted(C for stage, _, C in ran if stage == "pixels") == [5, 6]
    assert sorted((k, C) for stage, k, C in ran if stage == "compare") == GRID
    assert sorted(k for stage, k, _ in ran if stage == "bands") == [2, 4]  # it has a figure of knn, too
    assert {stage for stage, *_ in ran} == {"knn", "bands", "pixels", "compare"}


def test_a_task_takes_a_stage_from_another_task(logs):
    """Two tasks with one k start together, twice: the first two, and the last two when those have ended.

    knn takes less than a second, so that a busy machine may not run it in both at a time. bands takes longer.
    """
    assert any(re.search("(knn|bands): taken from another run", log) for log in logs.values())


def test_the_documented_command_shows_the_best_variant_first(logs, clone):
    page = (REPOSITORY / "docs/experiments.md").read_text(encoding="utf-8")
    documented = re.search(r"dvc queue status\n    (.*)\n", page)[1]
    table = run("sh", "-c", documented, cwd=clone).stdout
    assert max(map(len, table.splitlines())) <= 100
    shown = re.findall(r"^(grid-\d) .*\n.*\n    (.*)$", table, re.MULTILINE)
    changes = {
        name: ", ".join(f"{key}={value}" for key, value in (("knn.k", k), ("pixels.C", C)) if value != DEFAULTS[key])
        for name, (k, C) in zip(logs, GRID, strict=True)
    }
    assert dict(shown) == changes
    files = {name: [f"metrics/{classifier}.json" for classifier in CLASSIFIERS] for name, _ in shown}
    accuracies = [
        sorted(
            (json.loads(dvc.api.read(file, repo=str(clone), rev=name))["test"]["accuracy"] for file in paths),
            reverse=True,
        )
        for name, paths in files.items()
    ]
    assert accuracies == sorted(accuracies, reverse=True)


def test_a_forced_run_computes_each_time(reproduced):
    for _ in range(4):
        printed = run_dvc(reproduced, "repro", "--force", "--single-item", "knn")
        assert "Running stage 'knn'" in printed
        assert "taken from another run" not in printed
    assert run("git", "status", "--porcelain", cwd=reproduced).stdout == ""


def test_copies_for_other_variants_are_deleted_after_the_queue(logs, clone):  # noqa: ARG001
    run_dvc(clone, "repro", "--force", "--single-item", "knn")
    assert list((clone / ".dvc/tmp/shared-stages").iterdir()) == []
