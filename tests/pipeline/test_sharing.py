"""Runs that share what they compute. All runs here are processes of their own, in workspaces with a small dvc.yaml."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from conftest import REPOSITORY, dvc, environment, run

from eurosat_transfer.pipeline import sharing
from eurosat_transfer.pipeline.sharing import computed_once
from eurosat_transfer.pipeline.workspace import EXPERIMENTS

DVC_YAML = """
stages:
  double:
    cmd: python double.py
    params: [double]
    deps: [in.txt]
    outs: [folder, out.txt]
    metrics: [metrics/double.json: {cache: false}]
    plots: [plots/double.csv: {x: a, y: b}]
"""
OUTPUTS = ("folder/a.txt", "folder/b/c.txt", "out.txt", "metrics/double.json", "plots/double.csv")
RUN = f"""
import shutil
from pathlib import Path
from eurosat_transfer.pipeline.sharing import computed_once
with computed_once("double") as taken:
    if not taken:
        print("computing", flush=True)
        word = input()
        assert word != "fail"
        shutil.rmtree("folder")
        for path in map(Path, {OUTPUTS}):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(word + path.name)
"""
WAITING = "another run computes double from the same inputs: waiting for it"
TAKEN = "double: taken from another run"
SHARED = Path(".dvc/tmp/shared-stages")


def make_workspace(folder: Path) -> Path:
    for name in ("folder", ".dvc"):
        (folder / name).mkdir(parents=True)
    (folder / "folder/old.txt").write_text("old", encoding="utf-8")
    (folder / "dvc.yaml").write_text(DVC_YAML, encoding="utf-8")
    (folder / "params.yaml").write_text("double: {factor: 2}", encoding="utf-8")
    (folder / "in.txt").write_text("1", encoding="utf-8")
    return folder


@pytest.fixture
def tree(tmp_path) -> Path:
    """The working tree of a repository."""
    return make_workspace(tmp_path / "tree")


@pytest.fixture
def variants(tree) -> list[Path]:
    """Two temporary workspaces of experiments in the repository."""
    return [make_workspace(tree / EXPERIMENTS / name) for name in ("variant-0", "variant-1")]


class Run:
    """A run of the stage that computes until the test says a word, which becomes the content of its outputs."""

    def __init__(self, workspace: Path, repository: Path):
        self.workspace = workspace
        variables = environment(PYTHONPATH=str(REPOSITORY), DVC_ROOT=str(repository))
        command, pipe = [sys.executable, "-c", RUN], subprocess.PIPE
        self.process = subprocess.Popen(command, cwd=workspace, env=variables, stdin=pipe, stdout=pipe, text=True)

    def line(self) -> str:
        """Wait for the next line that the run prints."""
        return self.process.stdout.readline().rstrip("\n")

    def finish(self, word: str = "") -> int:
        """Let the run end; return its exit status."""
        self.process.communicate(word + "\n", timeout=60)
        return self.process.returncode

    def outputs(self) -> set[str]:
        """The contents of the outputs, which are one word if they come from one run."""
        found = {
            p.relative_to(self.workspace).as_posix() for p in (self.workspace / "folder").rglob("*") if p.is_file()
        }
        assert found == {name for name in OUTPUTS if name.startswith("folder")}
        paths = [self.workspace / name for name in OUTPUTS]
        return {path.read_text(encoding="utf-8").removesuffix(path.name) for path in paths}


@pytest.fixture
def start(tree):
    """start(workspace): a Run there, in the repository."""
    with ExitStack() as stack:

        def started(workspace: Path) -> Run:
            new = Run(workspace, tree)
            stack.callback(new.process.communicate)
            stack.callback(new.process.kill)
            return new

        yield started


@contextmanager
def waiting(start, first: Path, second: Path) -> Iterator[tuple[Run, Run]]:
    """One run that computes and another that waits for it."""
    holder = start(first)
    assert holder.line() == "computing"
    waiter = start(second)
    assert waiter.line() == WAITING
    yield holder, waiter


def shared_files(tree: Path) -> list[Path]:
    return list((tree / SHARED).rglob("*"))


@pytest.mark.parametrize(
    ("first", "second"), [("tree", "variant-0"), ("variant-0", "tree"), ("variant-0", "variant-1")]
)
def test_a_run_that_waited_takes_the_outputs(tree, variants, start, first, second):
    folders = {"tree": tree, "variant-0": variants[0], "variant-1": variants[1]}
    with waiting(start, folders[first], folders[second]) as (holder, waiter):
        assert holder.finish("new") == 0
        assert waiter.line() == TAKEN
        assert waiter.process.wait(60) == 0
    assert holder.outputs() == waiter.outputs() == {"new"}
    assert bool(shared_files(tree)) == (first != "tree")  # copies from a variant stay for others


@pytest.mark.parametrize("end", ["fail", "kill"])
def test_a_run_that_waited_for_a_failure_computes(tree, variants, start, end):
    with waiting(start, variants[0], variants[1]) as (holder, waiter):
        if end == "kill":
            holder.process.kill()
        else:
            assert holder.finish(end) == 1
        assert waiter.line() == "computing"
        assert waiter.finish("new") == 0
    assert waiter.outputs() == {"new"}
    assert len(list((tree / SHARED).glob("double-*.lock"))) == 1


def compute(start, workspace: Path, word: str) -> None:
    """Compute the stage: it fails if the run takes the outputs."""
    new = start(workspace)
    assert new.line() == "computing"
    assert new.finish(word) == 0
    assert new.outputs() == {word}


def test_a_variant_takes_what_another_variant_has_just_computed(variants, start):
    compute(start, variants[0], "first")
    second = start(variants[1])
    assert second.line() == TAKEN
    assert second.process.wait(60) == 0
    assert second.outputs() == {"first"}


def test_a_run_computes_again_what_its_own_workspace_computed(tree, variants, start):
    for workspace in (tree, variants[0]):
        for word in ("first", "second", "third"):
            compute(start, workspace, word)


def test_the_working_tree_computes_again_what_a_variant_computed(tree, variants, start):
    compute(start, variants[0], "first")
    compute(start, tree, "second")


def test_a_variant_computes_again_what_the_working_tree_computed(tree, variants, start):
    compute(start, tree, "first")
    assert shared_files(tree) == []
    compute(start, variants[0], "second")


def test_the_copies_are_deleted_with_their_workspace(tree, variants, start):
    compute(start, variants[0], "first")
    assert len(list((tree / SHARED).glob("*/copies/outputs/out.txt"))) == 1
    shutil.rmtree(variants[0])
    (variants[1] / "in.txt").write_text("other inputs", encoding="utf-8")
    third = start(variants[1])
    assert third.line() == "computing"
    assert list((tree / SHARED).glob("*/copies")) == []
    third.process.kill()


def test_outputs_of_a_deleted_workspace_are_not_taken(variants, start):
    compute(start, variants[0], "first")
    shutil.rmtree(variants[0])
    compute(start, variants[1], "second")


def test_files_of_a_killed_run_are_removed_by_the_next_run(tree, variants, start):
    with waiting(start, tree, variants[0]) as (holder, waiter):
        waiter.process.kill()
        waiter.process.wait()
        assert holder.finish("new") == 0  # it makes no copies, because nobody waits any more
    assert shared_files(tree) == []
    holder = start(tree)
    assert holder.line() == "computing"
    holder.process.kill()
    (tree / "in.txt").write_text("other inputs", encoding="utf-8")
    compute(start, tree, "new")
    assert shared_files(tree) == []


def change_parameter(workspace: Path) -> None:
    (workspace / "params.yaml").write_text("double: {factor: 3}", encoding="utf-8")


def change_input(workspace: Path) -> None:
    (workspace / "in.txt").write_text("2", encoding="utf-8")


def change_command(workspace: Path) -> None:
    (workspace / "dvc.yaml").write_text(DVC_YAML.replace("double.py", "double.py --fast"), encoding="utf-8")


@pytest.mark.parametrize("change", [change_parameter, change_input, change_command])
def test_runs_with_other_inputs_share_no_outputs(variants, start, change):
    change(variants[1])
    holder = start(variants[0])
    assert holder.line() == "computing"
    compute(start, variants[1], "second")  # it does not wait
    assert holder.finish("first") == 0
    compute(start, variants[1], "third")  # it does not take


def test_only_one_of_many_equal_variants_computes(tree, start):
    runs = [start(make_workspace(tree / EXPERIMENTS / f"many-{number}")) for number in range(6)]
    for each in runs:
        each.process.stdin.write("new\n")
        each.process.stdin.flush()
    printed = [each.process.communicate(timeout=60)[0] for each in runs]
    assert sum("computing" in text for text in printed) == 1, printed
    assert sum(TAKEN in text for text in printed) == 5
    assert all(each.outputs() == {"new"} for each in runs)


ALONE = """
from pathlib import Path
from eurosat_transfer.pipeline.sharing import computed_once
for number in range(30):
    with computed_once("double") as taken:
        if not taken:
            Path("alone").touch(exist_ok=False)  # fails if another process is in its block
            for path in ("folder", "out.txt", "metrics/double.json", "plots/double.csv"):
                Path(path).parent.mkdir(exist_ok=True)
                Path(path).mkdir(exist_ok=True) if path == "folder" else Path(path).touch()
            Path("alone").unlink()
"""


def test_locks_hold_while_their_files_are_deleted(tree):
    variables = environment(PYTHONPATH=str(REPOSITORY), DVC_ROOT=str(tree))
    command = [sys.executable, "-c", ALONE]
    runs = [subprocess.Popen(command, cwd=tree, env=variables, stdout=subprocess.DEVNULL) for _ in range(3)]
    assert [each.wait(120) for each in runs] == [0, 0, 0]
    assert shared_files(tree) == []


def test_outputs_that_cannot_be_copied_do_not_fail_the_stage(tree, variants, monkeypatch, capsys):
    monkeypatch.chdir(variants[0])
    monkeypatch.setenv("DVC_ROOT", str(tree))
    with computed_once("double") as taken:
        assert not taken  # and the stage forgets out.txt, of which DVC will complain
    assert "double: no copies are left for other runs" in capsys.readouterr().out
    assert not list((tree / SHARED).glob("*/*"))


def test_incomplete_copies_are_not_taken(tree, variants, start, monkeypatch):
    monkeypatch.chdir(variants[0])
    monkeypatch.setenv("DVC_ROOT", str(tree))
    copied = []

    def killed_while_copying(source: str, target: str) -> None:
        copied.append(target)
        if len(copied) == 2:
            raise KeyboardInterrupt
        Path(target).write_bytes(Path(source).read_bytes())

    for path in map(Path, OUTPUTS):
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text("half", encoding="utf-8")
    monkeypatch.setattr(sharing.shutil, "copyfile", killed_while_copying)
    with pytest.raises(KeyboardInterrupt), computed_once("double"):
        pass
    assert len(copied) == 2
    compute(start, variants[1], "whole")


def test_without_dvc_root_this_folder_is_the_repository(tree, monkeypatch):
    monkeypatch.chdir(tree)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    with computed_once("double") as taken:
        assert not taken
        assert len(shared_files(tree)) == 1
    assert shared_files(tree) == []


STAGE = """
import time
from pathlib import Path
from eurosat_transfer.pipeline.stage import run_stage

def main():
    print("really computed", flush=True)
    for name in ("folder", "metrics", "plots"):
        Path(name).mkdir(exist_ok=True)
    for name in ("folder/a", "out.txt", "metrics/double.json", "plots/double.csv"):
        Path(name).write_text("{}")

run_stage(main, "")
"""


@pytest.mark.slow
def test_forced_runs_of_the_real_dvc_compute(tree):
    (tree / "double.py").write_text(STAGE, encoding="utf-8")
    shutil.rmtree(tree / "folder")
    for command in (
        ("git", "init", "-q"),
        ("rm", "-r", ".dvc"),
        ("dvc", "init", "-q"),
        ("git", "add", "-A"),
        ("git", "commit", "-qm", "x"),
    ):
        assert run(*command, cwd=tree).returncode == 0
    command = "env", f"PYTHONPATH={REPOSITORY}", "dvc"
    for arguments in [("repro", "-f")] * 2 + [("exp", "run", "--temp", "-f")] * 2 + [("repro", "-f")]:
        result = run(*command, *arguments, cwd=tree)
        assert result.returncode == 0, result.stdout + result.stderr
        assert "really computed" in result.stdout
        assert "taken from another run" not in result.stdout
    assert "really computed" not in dvc(tree, "repro")
    assert "really computed" not in run(*command, "exp", "run", "--temp", cwd=tree).stdout
