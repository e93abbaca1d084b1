"""One process per stage and folder. All other processes here are real."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from conftest import REPOSITORY, environment

from eurosat_transfer.pipeline.exclusive import RUNNING, run_exclusively

HOLDER = """
import time
from eurosat_transfer.pipeline import exclusive
exclusive.RETRY = 0.05
with exclusive.run_exclusively("svm"):
    print("in", flush=True)
    time.sleep(60)
"""
BARE_HOLDER = """
import json, sys, time
from pathlib import Path
import psutil
from filelock import FileLock
with FileLock(".dvc/tmp/running-stages/svm.lock"):
    print("in", flush=True)
    sys.stdin.readline()
    record = Path(".dvc/tmp/running-stages/svm.json")
    record.write_text(json.dumps({"pid": psutil.Process().pid, "started": psutil.Process().create_time()}))
    time.sleep(60)
"""
NAMED_CONTENDER = """
import json
from pathlib import Path
import psutil
record = Path(".dvc/tmp/running-stages/svm.json")
record.write_text(json.dumps({"pid": psutil.Process().pid, "started": psutil.Process().create_time()}))
"""
RECORD = RUNNING / "svm.json"


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    RUNNING.mkdir(parents=True)


@contextmanager
def started(code: str, *first_lines: str) -> Iterator[subprocess.Popen]:
    """Run Python code in this folder until the block ends; it has printed its first lines when the block begins."""
    command, pipe = [sys.executable, "-c", code], subprocess.PIPE
    variables = environment(PYTHONPATH=str(REPOSITORY))
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, env=variables, text=True) as process:
        try:
            for line in first_lines:
                assert process.stdout.readline() == f"{line}\n"
            yield process
        finally:
            process.kill()


def test_a_process_that_outlived_its_dvc_is_killed(capfd):
    with started(HOLDER, "in") as left:
        with run_exclusively("tsne"):
            assert left.poll() is None  # it runs another stage
        with run_exclusively("svm"):
            assert left.wait(30) == -signal.SIGKILL
    assert f"process {left.pid} outlived the DVC that started it: it is killed" in capfd.readouterr().out


def test_runs_in_different_folders_have_different_locks(tmp_path, monkeypatch):
    with started(HOLDER, "in") as other:
        (tmp_path / "workspace").mkdir()
        monkeypatch.chdir(tmp_path / "workspace")
        with run_exclusively("svm"):
            assert other.poll() is None


def test_projects_of_one_repository_have_different_locks(tmp_path, monkeypatch):
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "first")
    with started(HOLDER, "in") as other:
        monkeypatch.chdir(tmp_path / "second")
        with run_exclusively("svm"):
            assert other.poll() is None
    assert not list(tmp_path.glob("*/.dvc"))  # such a folder would be the root of a repository


def test_a_process_records_itself_while_it_runs():
    own = {"pid": os.getpid(), "started": psutil.Process().create_time()}
    with run_exclusively("svm"):
        assert json.loads(RECORD.read_text(encoding="utf-8")) == own
    assert not RECORD.exists()
    with pytest.raises(ZeroDivisionError), run_exclusively("svm"):
        raise ZeroDivisionError
    assert not RECORD.exists()
    with run_exclusively("svm"):
        pass  # the failed one has released the lock


@pytest.mark.slow
def test_a_process_that_only_has_the_recorded_number_is_not_killed():
    """Between locking and recording, the file names an earlier holder, whose number another process may have now."""
    with started("print('up', flush=True); input()", "up") as innocent, started(BARE_HOLDER, "in") as holder:
        pid, start = innocent.pid, psutil.Process(innocent.pid).create_time()
        with started(HOLDER, "another process runs svm in this folder: waiting for it") as contender:
            for record in (
                {"pid": pid, "started": start - 100},
                {"pid": pid, "started": start + 0.01},
                {"pid": pid, "started": None},
                {"pid": pid},
                {"pid": str(pid), "started": start},
                {"pid": 2**70, "started": start},
                {"pid": -pid, "started": start},
                {"pid": None, "started": start},
                {"started": start},
                pid,
                [],
                b"",
                b'{"pid": %d, "started": ' % pid,
                b"\xff\x00garbage",
            ):
                RECORD.write_bytes(record if isinstance(record, bytes) else json.dumps(record).encode())
                time.sleep(0.2)  # the contender reads it four times
                assert (innocent.poll(), holder.poll(), contender.poll()) == (None, None, None), record
            RECORD.unlink()
            time.sleep(0.2)
            assert (innocent.poll(), holder.poll(), contender.poll()) == (None, None, None)
            holder.kill()
            assert contender.stdout.readline() == "in\n"
            assert innocent.poll() is None


def test_a_holder_that_records_itself_later_is_killed():
    with started(BARE_HOLDER, "in") as holder, started(HOLDER) as contender:
        assert "waiting" in contender.stdout.readline()
        holder.stdin.write("record yourself\n")
        holder.stdin.flush()
        assert holder.wait(30) == -signal.SIGKILL
        assert "killed" in contender.stdout.readline()
        assert contender.stdout.readline() == "in\n"


def test_a_process_does_not_kill_itself():
    with started(BARE_HOLDER, "in") as holder, started(NAMED_CONTENDER + HOLDER) as contender:
        assert "waiting" in contender.stdout.readline()
        time.sleep(0.3)
        assert contender.poll() is None
        holder.kill()
        assert contender.stdout.readline() == "in\n"


def test_two_stages_run_at_once():
    with run_exclusively("svm"), run_exclusively("knn"):
        assert sorted(path.name for path in Path(RUNNING).glob("*.json")) == ["knn.json", "svm.json"]
