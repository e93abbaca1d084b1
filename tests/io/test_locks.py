"""Both kinds of locks between processes. The other processes are real."""

import signal
import subprocess
import sys

import pytest
from conftest import REPOSITORY, environment
from filelock import FileLock, SoftFileLock

from eurosat_transfer.io.locks import SOFT_LOCKS, how_to_break, new_lock, try_lock

HOLDER = """
import sys
from pathlib import Path
from eurosat_transfer.io.locks import new_lock, try_lock
lock = new_lock(Path("work"))
assert try_lock(lock)
print("in", flush=True)
sys.stdin.read()
lock.release()
"""


@pytest.fixture(params=["", "1"], ids=["normal", "soft"])
def kind(request, monkeypatch, tmp_path):
    monkeypatch.setenv(SOFT_LOCKS, request.param)
    monkeypatch.chdir(tmp_path)
    return SoftFileLock if request.param else FileLock


@pytest.fixture
def holder(kind, tmp_path):  # noqa: ARG001
    """Another process that holds the lock until its input is closed."""
    command, pipe = [sys.executable, "-c", HOLDER], subprocess.PIPE
    variables = environment(PYTHONPATH=str(REPOSITORY))
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, env=variables, text=True, cwd=tmp_path) as process:
        assert process.stdout.readline() == "in\n"
        yield process
        process.kill()


def test_the_variable_chooses_the_kind(kind, tmp_path):
    assert isinstance(new_lock(tmp_path / "work"), kind)


def test_two_processes_do_not_hold_a_lock_at_once(holder, tmp_path):
    lock = new_lock(tmp_path / "work")
    assert not try_lock(lock)
    holder.communicate()
    assert try_lock(lock)
    lock.release()


def test_a_lock_of_a_killed_process_is_taken_over(holder, tmp_path):
    holder.kill()
    assert holder.wait(30) == -signal.SIGKILL
    lock = new_lock(tmp_path / "work")
    assert try_lock(lock)
    lock.release()


def test_a_file_of_a_normal_lock_does_not_block_a_soft_one(tmp_path, monkeypatch):
    with new_lock(tmp_path / "work"):
        pass
    (tmp_path / "work.lock").touch()
    monkeypatch.setenv(SOFT_LOCKS, "1")
    lock = new_lock(tmp_path / "work")
    assert try_lock(lock)
    lock.release()


def test_only_a_soft_lock_needs_help(tmp_path, monkeypatch):
    assert how_to_break(new_lock(tmp_path / "work")) == ""
    monkeypatch.setenv(SOFT_LOCKS, "1")
    assert how_to_break(new_lock(tmp_path / "work")).endswith(f"delete {tmp_path}/work.soft-lock")
