"""Environment variables of other projects do not reach the libraries."""

import json
import subprocess
import sys

import pytest
from conftest import REPOSITORY, run
from hostile_home import VARIABLES

from eurosat_transfer.environment import ONEDNN, TENSORFLOW, remove_variables

LIST = "import json, os, stages; print(json.dumps(dict(os.environ)))"
NOT_OF_LIBRARIES = {"COLUMNS", "LC_ALL", "MPLCONFIGDIR", "PYTHONHASHSEED", "PYTHONOPTIMIZE", "SOURCE_DATE_EPOCH", "TZ"}


def python(code: str, **variables: str) -> subprocess.CompletedProcess:
    return run(sys.executable, "-c", code, cwd=REPOSITORY, **variables)


def left_in_a_program(**variables: str) -> dict[str, str]:
    result = python(LIST, **variables)
    assert result.returncode == 0, result.stderr
    environment = json.loads(result.stdout)
    return {name: environment[name] for name in variables if name in environment}


def test_a_program_removes_settings_that_change_results():
    left = left_in_a_program(**VARIABLES)
    assert set(left) == NOT_OF_LIBRARIES | {"OMP_NUM_THREADS", "PROJ_NETWORK"}
    assert left["PROJ_NETWORK"] == "OFF"


@pytest.mark.parametrize(
    "name",
    ["TF_CPP_MIN_LOG_LEVEL", "TF_GPU_ALLOCATOR", "KERAS_HOME", "OPENBLAS_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "CI"],
)
def test_settings_that_change_no_result_stay(name):
    assert left_in_a_program(**{name: "1"}) == {name: "1"}


@pytest.mark.parametrize("name", ["TF_OF_A_LATER_VERSION", "ONEDNN_OF_A_LATER_VERSION", "GDAL_OF_A_LATER_VERSION"])
def test_settings_of_later_versions_are_removed_too(name):
    assert left_in_a_program(**{name: "1"}) == {}


@pytest.mark.parametrize(
    ("flags", "left"),
    [
        ("--xla_cpu_enable_fast_math=true", None),
        ("--xla_gpu_cuda_data_dir=/cuda --xla_cpu_enable_fast_math=true", "--xla_gpu_cuda_data_dir=/cuda"),
    ],
)
def test_only_the_folder_of_cuda_stays_among_the_flags_of_xla(flags, left):
    assert left_in_a_program(XLA_FLAGS=flags).get("XLA_FLAGS") == left


@pytest.mark.parametrize("command", ["stages.knn", "eurosat_transfer"])
def test_instructions_of_glibc_are_refused_by_name(command):
    tunables = "glibc.malloc.check=0:glibc.cpu.hwcaps=-AVX2"
    result = run(sys.executable, "-m", command, cwd=REPOSITORY, GLIBC_TUNABLES=tunables)
    assert result.returncode == 1
    expected = f"error: GLIBC_TUNABLES={tunables} changes the last bits of results; unset it, or remove glibc.cpu\n"
    assert result.stderr == expected


def test_other_tunables_of_glibc_are_allowed():
    assert left_in_a_program(GLIBC_TUNABLES="glibc.malloc.check=0") == {"GLIBC_TUNABLES": "glibc.malloc.check=0"}


@pytest.mark.parametrize("action", ["error", "e", "error::DeprecationWarning", "error::UserWarning"])
def test_a_warning_of_a_library_is_no_error(action):
    code = "import stages, warnings; [warnings.warn('x', kind) for kind in (UserWarning, DeprecationWarning)]"
    result = python(code, PYTHONWARNINGS=action)
    assert result.returncode == 0
    assert "UserWarning: x" in result.stderr
    assert "DeprecationWarning: x" not in result.stderr


def test_the_settings_of_a_notebook_stay_except_for_those_of_the_loaded_library(monkeypatch):
    for name in ("MPLBACKEND", "GDAL_CACHEMAX", "TF_ENABLE_ONEDNN_OPTS", "ONEDNN_MAX_CPU_ISA"):
        monkeypatch.setenv(name, "1")
    remove_variables(f"{TENSORFLOW}|{ONEDNN}")
    code = "import os, eurosat_transfer.errors; print(*(name for name in os.environ if name in os.sys.argv))"
    names = ["MPLBACKEND", "GDAL_CACHEMAX", "TF_ENABLE_ONEDNN_OPTS", "ONEDNN_MAX_CPU_ISA"]
    assert run(sys.executable, "-c", code, *names, cwd=REPOSITORY).stdout.split() == ["MPLBACKEND", "GDAL_CACHEMAX"]
