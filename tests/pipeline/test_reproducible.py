"""The same bytes on every machine: dvc.lock holds a checksum of every output."""

import shutil

import pytest
from conftest import run, stages_run

pytestmark = pytest.mark.slow

ELSEWHERE = {
    "PYTHONHASHSEED": "1",
    "LC_ALL": "C",
    "TZ": "Pacific/Auckland",
    "COLUMNS": "40",
    "OMP_NUM_THREADS": "1",
}


def test_a_clone_in_another_environment_computes_the_same_bytes(reproduced, tmp_path):
    folder = tmp_path / "a clone under another, longer path"
    assert run("git", "clone", "-q", str(reproduced), str(folder), cwd=tmp_path).returncode == 0
    one_core = ["taskset", "-c", "0"] if shutil.which("taskset") else []
    result = run(*one_core, "dvc", "repro", cwd=folder, **ELSEWHERE)
    assert result.returncode == 0, result.stderr
    assert stages_run(result.stdout) == stages_run((reproduced / "first-repro.log").read_text())
    assert run("git", "status", "--short", cwd=folder).stdout == ""  # dvc.lock and the metrics in Git are unchanged
