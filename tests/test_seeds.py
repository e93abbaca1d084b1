import re

import pytest
from conftest import run

from stages import seeds
from stages.common.files import read_json

pytestmark = pytest.mark.xdist_group("reproduced")


def test_mean_and_spread():
    lines = seeds.table([{"svm": 0.5, "finetune": 0.7}, {"svm": 0.6, "finetune": 0.9}]).splitlines()
    assert lines[1].split() == ["finetune", "0.700", "0.900", "0.800", "0.141"]
    assert lines[2].split() == ["svm", "0.500", "0.600", "0.550", "0.071"]


def test_what_does_not_depend_on_the_seed_runs_once(reproduced):
    before = run("git", "status", "--porcelain", cwd=reproduced).stdout
    result = run("python", "-m", "stages.seeds", "2", "--name", "trial-seeds", "-S", "svm.C=3", cwd=reproduced)
    assert result.returncode == 0, result.stdout + result.stderr
    ran = re.findall(r"Running stage '(\w+)'", result.stdout)
    assert not {"download", "backbone", "activations"} & set(ran)
    # Seed 0 is the split that is there already: only what svm.C changes runs; seed 1 runs what a split changes.
    assert ran.count("svm") == 2
    assert ran.count("split") == ran.count("extract") == ran.count("finetune") == 1
    rows = {line.split()[0]: line.split()[1:] for line in result.stdout.split("test accuracy\n")[1].splitlines()[1:]}
    first = read_json(reproduced / "metrics/knn.json")["test"]["accuracy"]
    assert rows["knn"][0] == f"{first:.3f}"
    mean = sum(map(float, rows["finetune"][:2])) / 2
    assert float(rows["finetune"][2]) == pytest.approx(mean, abs=0.001)
    assert run("git", "status", "--porcelain", cwd=reproduced).stdout == before


def test_a_failing_run_is_said(reproduced):
    result = run("python", "-m", "stages.seeds", "1", "-S", "svm.C=-1", cwd=reproduced)
    assert result.returncode != 0
    assert "error: dvc exp run" in result.stderr
    assert run("python", "-m", "stages.seeds", "0", cwd=reproduced).returncode == 2
    refused = run("python", "-m", "stages.seeds", "1", "-S", "split.seed=3", cwd=reproduced)
    assert refused.returncode == 2
    assert "error: -S split.seed=3: split.seed, probe.seed, finetune.seed are what is varied" in refused.stderr
