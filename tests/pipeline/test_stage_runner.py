"""The entry point of a stage, each time in a process of its own."""

import json
import pstats
import re
import shutil
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


def run_script(
    folder: Path, body: str, *arguments: str, python: tuple[str, ...] = (), **variables: str
) -> subprocess.CompletedProcess:
    """Run a script whose stage does what body says."""
    (folder / "script.py").write_text(SCRIPT.replace("BODY", body), encoding="utf-8")
    return run(sys.executable, *python, "script.py", *arguments, cwd=folder, PYTHONPATH=str(REPOSITORY), **variables)


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


def test_an_error_of_the_user_gives_its_message_in_one_line(tmp_path):
    result = run_script(tmp_path, "raise UserError('svm.C is -1; allowed:\\n  more than 0')")
    assert (result.returncode, result.stderr) == (1, "error: svm.C is -1; allowed: more than 0\n")


FAILURES = [
    ("open('missing.npz')", "missing.npz: No such file or directory"),
    ("open('/dev/full', 'w').write('x' * 10**6)", "No space left on device"),
    ("raise OSError(28, 'No space left on device', 'data/x')", "data/x: No space left on device"),
    ("raise MemoryError('Unable to allocate 9 TiB')", "not enough memory: Unable to allocate 9 TiB"),
    ("raise OSError('of a library')", "OSError: of a library"),
    ("raise ValueError('a bug\\n\\n  in two lines')", "ValueError: a bug in two lines"),
    ("raise ValueError", "ValueError"),
    ("raise KeyError('DVC_STAGE')", "KeyError: 'DVC_STAGE'"),
    ("raise RuntimeError('\\x1b[36mray::f()\\x1b[39m failed')", "RuntimeError: ray::f() failed"),
    ("raise type('Odd', (Exception,), {'__str__': lambda self: 1 / 0})", "Odd: <exception str() failed>"),
    ("raise ValueError('a' * 9000 + 'the cause')", f"ValueError: {'a' * 488} [...] {'a' * 491}the cause"),
    ("raise ExceptionGroup('two', [ValueError(1), ValueError(2)])", "ExceptionGroup: two (2 sub-exceptions)"),
]


@pytest.mark.parametrize(("body", "line"), FAILURES)
def test_any_other_exception_ends_in_one_line_that_names_its_traceback(tmp_path, body, line):
    (tmp_path / ".dvc").mkdir()
    result = run_script(tmp_path, body)
    assert result.returncode == 1
    message, _, path = result.stderr.strip("\n").rpartition("; full traceback: ")
    assert re.sub(r"\b__main__\.", "", message) == f"error: stage script failed: {line}"
    assert Path(path).parent == Path(".dvc/tmp/tracebacks")
    assert "Traceback" in (tmp_path / path).read_text(encoding="utf-8")
    assert "exit handler of the stage" in result.stdout
    assert "the caller goes on" not in result.stdout


def test_an_experiment_leaves_its_traceback_in_the_repository(tmp_path):
    repository, workspace = tmp_path, tmp_path / ".dvc/tmp/exps/tmpabc"
    for folder in (repository, workspace):
        (folder / ".dvc").mkdir(parents=True)
    result = run_script(workspace, "raise ValueError('a bug')", DVC_ROOT=str(repository))
    [path] = repository.glob(".dvc/tmp/tracebacks/stage-script-*.txt")
    assert result.stderr.endswith(f"ValueError: a bug; full traceback: {path}\n")


def test_old_tracebacks_are_deleted(tmp_path):
    folder = tmp_path / ".dvc/tmp/tracebacks"
    folder.mkdir(parents=True)
    for number in range(30):
        (folder / f"stage-script-x{number}.txt").touch()
    (folder / "stage-svm-1.txt").touch()
    result = run_script(tmp_path, "raise ValueError('a bug')")
    assert len(list(folder.glob("stage-script-*.txt"))) == 20
    assert (folder / "stage-svm-1.txt").exists()
    assert (tmp_path / result.stderr.strip().rpartition(" ")[2]).stat().st_size > 0


def test_a_traceback_that_cannot_be_written_is_printed(tmp_path):
    (tmp_path / ".dvc/tmp").mkdir(parents=True)
    (tmp_path / ".dvc/tmp/tracebacks").touch()
    result = run_script(tmp_path, "raise ValueError('a bug')")
    assert result.returncode == 1
    assert result.stderr.startswith("Traceback")
    assert result.stderr.endswith("\nerror: stage script failed: ValueError: a bug; full traceback: above\n")


def test_an_error_of_the_system_needs_no_traceback(tmp_path):
    (tmp_path / ".dvc/tmp").mkdir(parents=True)
    (tmp_path / ".dvc/tmp/tracebacks").touch()
    result = run_script(tmp_path, "raise OSError(28, 'No space left on device', 'data/x')")
    assert result.stderr == "error: stage script failed: data/x: No space left on device\n"


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("raise ValueError('a broken keras.json')", "ValueError: a broken keras.json"),
        ("this is no code", "SyntaxError: invalid syntax"),
    ],
)
def test_a_stage_that_cannot_be_imported_ends_in_one_line(tmp_path, code, line):
    (tmp_path / "stages").mkdir()
    (tmp_path / ".dvc").mkdir()
    shutil.copy(REPOSITORY / "stages/__init__.py", tmp_path / "stages")
    (tmp_path / "stages/svm.py").write_text(code, encoding="utf-8")
    result = run(sys.executable, "-m", "stages.svm", cwd=tmp_path, PYTHONPATH=str(REPOSITORY))
    assert result.returncode == 1
    assert result.stderr.startswith("error: stage svm failed: ")
    assert line in result.stderr
    assert result.stderr.count("\n") == 1
    [path] = tmp_path.glob(".dvc/tmp/tracebacks/stage-svm-*.txt")
    assert result.stderr.endswith(f"; full traceback: {path.relative_to(tmp_path)}\n")


def test_ctrl_c_ends_the_stage_without_a_traceback(tmp_path):
    result = run_script(tmp_path, "raise KeyboardInterrupt")
    assert (result.returncode, result.stderr) == (130, "")


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
