"""The entry point of a stage, each time in a process of its own."""

import json
import pstats
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import REPOSITORY, run

SCRIPT = '''"""Says what it does.

    Reads   nothing
"""
import atexit, gc
from eurosat_transfer.errors import UserError
from eurosat_transfer.pipeline.stage import run_stage

atexit.register(lambda: print("frozen at exit:", gc.get_freeze_count() > 0))

def main():
    atexit.register(print, "exit handler of the stage")
    print("frozen in the stage:", gc.get_freeze_count() > 0)
    BODY

run_stage(main, __doc__)
print("the caller goes on")
'''


def run_script(folder: Path, body: str, *arguments: str, python: tuple[str, ...] = ()) -> subprocess.CompletedProcess:
    """Run a script whose stage does what body says."""
    (folder / "script.py").write_text(SCRIPT.replace("BODY", body), encoding="utf-8")
    return run(sys.executable, *python, "script.py", *arguments, cwd=folder, PYTHONPATH=str(REPOSITORY))


def test_success_returns_to_the_caller(tmp_path):
    result = run_script(tmp_path, "print('work')")
    assert (result.returncode, result.stderr) == (0, "")
    assert "work\nthe caller goes on\nexit handler of the stage\n" in result.stdout


def test_a_terminal_without_the_characters_of_a_name_is_no_error(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT.replace("BODY", r"print('For\u00eat \u68ee')"), encoding="utf-8")
    result = run(sys.executable, "script.py", cwd=tmp_path, PYTHONPATH=str(REPOSITORY), PYTHONIOENCODING="ascii")
    assert (result.returncode, result.stderr) == (0, "")
    assert r"For\xeat \u68ee" in result.stdout


def test_objects_are_frozen_at_exit_only(tmp_path):
    result = run_script(tmp_path, "pass")
    assert "frozen in the stage: False" in result.stdout
    assert "frozen at exit: True" in result.stdout


def test_help_is_the_docstring(tmp_path):
    result = run_script(tmp_path, "print('work')", "--help")
    assert result.returncode == 0
    assert "Says what it does.\n\n    Reads   nothing" in result.stdout
    assert "work" not in result.stdout


def test_other_arguments_are_refused(tmp_path):
    result = run_script(tmp_path, "print('work')", "--seed=1")
    assert result.returncode == 2
    assert "unrecognized arguments: --seed=1" in result.stderr
    assert "work" not in result.stdout


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("raise UserError('svm.C is -1; allowed:\\n  more than 0')", "svm.C is -1; allowed: more than 0"),
        ("open('missing.npz')", "missing.npz: No such file or directory"),
        ("open('/dev/full', 'w').write('x' * 10**6)", "No space left on device"),
        ("raise OSError(28, 'No space left on device', 'data/x')", "data/x: No space left on device"),
        ("raise MemoryError('Unable to allocate 9 TiB')", "not enough memory: Unable to allocate 9 TiB"),
    ],
)
def test_expected_errors_give_a_one_line_message(tmp_path, body, line):
    result = run_script(tmp_path, body)
    assert result.returncode == 1
    assert result.stderr == f"error: {line}\n"
    assert "exit handler of the stage" in result.stdout
    assert "the caller goes on" not in result.stdout


@pytest.mark.parametrize("body", ["raise OSError('of a library')", "raise ValueError('a bug')"])
def test_other_exceptions_keep_their_traceback(tmp_path, body):
    result = run_script(tmp_path, body)
    assert result.returncode == 1
    assert "Traceback" in result.stderr
    assert body in result.stderr


def test_exit_status_of_the_stage_is_kept(tmp_path):
    assert run_script(tmp_path, "raise SystemExit(3)").returncode == 3


@pytest.mark.parametrize("body", ["measured = 1", "raise UserError('no')"])
def test_coverage_sees_the_stage(tmp_path, body):
    pytest.importorskip("coverage")
    run_script(tmp_path, body, python=("-m", "coverage", "run", "--include=script.py"))
    report = run(sys.executable, "-m", "coverage", "json", "-o", "-", cwd=tmp_path)
    executed = next(iter(json.loads(report.stdout)["files"].values()))["executed_lines"]
    assert SCRIPT.splitlines().index("    BODY") + 1 in executed


def test_a_profiler_sees_the_stage(tmp_path):
    run_script(tmp_path, "pass", python=("-m", "cProfile", "-o", "profile.out"))
    profiled = {name for _, _, name in pstats.Stats(str(tmp_path / "profile.out")).stats}
    assert {"main", "run_stage"} <= profiled
