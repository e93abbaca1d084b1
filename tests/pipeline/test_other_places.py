"""The pipeline where people run it: from subfolders, in larger repositories and pipelines, in clones of all kinds."""

import json
import shutil
from pathlib import Path

import pytest
from conftest import REPOSITORY, dvc, run, stages_run, write_params

from eurosat_transfer.commands.experiment_results import read_experiment
from eurosat_transfer.commands.experiments import read_test_accuracies

pytestmark = pytest.mark.slow

# Stands in for a file system without flock, such as NFS without its lock service.
WITHOUT_FLOCK = """
import errno, fcntl
def refuse(*_):
    raise OSError(errno.ENOLCK, "No locks available")
fcntl.flock = fcntl.lockf = refuse
"""


def git(folder: Path, *arguments: str) -> None:
    result = run("git", *arguments, cwd=folder)
    assert result.returncode == 0, result.stderr


def our_command(folder: Path, *arguments: str, **variables: str) -> tuple[int, str]:
    """Run a command of the project that prints nothing but an error; return its exit status and the error."""
    result = run("python", "-m", "eurosat_transfer", *arguments, cwd=folder, **variables)
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1, result.stderr
    return result.returncode, result.stderr


def test_a_stage_runs_from_a_subfolder(reproduced):
    """DVC puts the path of dvc.yaml before the stage's name, here and with `dvc repro -P`."""
    write_params(reproduced, **{"knn.k": 3})
    result = run("dvc", "repro", "../../dvc.yaml:knn", cwd=reproduced / "eurosat_transfer/data")
    assert result.returncode == 0, result.stderr
    assert "Running stage '../../dvc.yaml:knn'" in result.stdout
    assert stages_run(dvc(reproduced, "repro", "knn")) == set()


@pytest.mark.parametrize("dvc_root", [".", "lab"])
def test_the_project_is_a_folder_of_a_larger_repository(reproduced, tmp_path, monkeypatch, dvc_root):
    outer, lab = tmp_path / "outer", tmp_path / "outer/lab"
    outer.mkdir()
    shutil.rmtree(reproduced / ".git")
    reproduced.rename(lab)
    if dvc_root == ".":
        for name in (".dvc", ".dvcignore"):
            (lab / name).rename(outer / name)
    git(outer, "init", "-q")
    git(outer, "add", "-A")
    git(outer, "commit", "-qm", "all")

    write_params(lab, **{"knn.k": 3})
    assert stages_run(dvc(lab, "repro", "knn")) == {"knn"}
    assert (lab / ".dvc").exists() == (dvc_root == "lab")  # such a folder would be the root of a repository
    k3 = json.loads((lab / "metrics/knn.json").read_text())["test"]["accuracy"]
    git(lab, "checkout", "-q", ".")
    dvc(lab, "checkout", "-q")
    assert stages_run(dvc(lab, "exp", "run", "--temp", "-n", "trial", "-S", "knn.k=3", "knn")) <= {"knn"}
    listed = run("python", "-m", "eurosat_transfer", "experiments", cwd=lab).stdout
    assert "knn.k=3" in listed
    assert f"{k3:.3f}" in listed
    monkeypatch.chdir(lab)
    assert read_test_accuracies("trial")["knn"] == k3
    found = read_experiment("trial")
    assert found.parameters["knn"]["k"] == 3
    assert sum(found.correct["knn"].values()) / len(found.correct["knn"]) == k3


def test_a_stage_of_an_outer_pipeline_runs_a_stage_or_the_pipeline(reproduced, tmp_path):
    outer = tmp_path / "outer"
    outer.mkdir()
    shutil.rmtree(reproduced / ".git")
    reproduced.rename(outer / "lab")
    metrics = outer / "lab/metrics/knn.json"
    before = metrics.read_bytes()
    script = "PYTHONPATH=. python stages/knn.py"
    commands = {"module": "python -m stages.knn", "script": script, "all": "dvc repro -f -s knn"}
    stages = [f"  {name}: {{cmd: cd lab && {command} > ../{name}.log}}" for name, command in commands.items()]
    (outer / "dvc.yaml").write_text("\n".join(["stages:", *stages]))
    git(outer, "init", "-q")
    dvc(outer, "init", "-q")
    git(outer, "add", "-A")
    git(outer, "commit", "-qm", "all")
    assert stages_run(dvc(outer, "repro", "-f")) == set(commands)
    assert all("test accuracy" in (outer / f"{name}.log").read_text() for name in commands)
    assert metrics.read_bytes() == before
    assert not (outer / ".dvc/tmp/shared-stages").exists()
    assert not (outer / ".dvc/tmp/running-stages").exists()


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--depth", "1"], "this clone is shallow, and DVC loses its experiments; first run `git fetch --unshallow`"),
        (["--filter=blob:none"], "this clone is partial, and DVC does not fetch what it lacks"),
    ],
)
def test_a_clone_without_its_history_refuses_experiments_before_any_work(reproduced, tmp_path, options, line):
    git(reproduced, "config", "uploadpack.allowFilter", "true")
    git(tmp_path, "clone", "-q", *options, reproduced.as_uri(), "clone")
    clone = tmp_path / "clone"
    shutil.copytree(reproduced / ".dvc/cache", clone / ".dvc/cache")
    status, error = our_command(clone, "seeds", "1")
    assert status == 1
    assert line in error
    dvc(clone, "checkout")
    ran = run("dvc", "exp", "run", "--temp", "-S", "knn.k=3", "knn", cwd=clone)
    assert ran.returncode != 0
    assert "test accuracy" not in ran.stdout
    assert line in ran.stderr or "--filter" in options[0]  # DVC itself refuses a partial clone


def test_a_zip_file_of_github_works_without_git(reproduced, tmp_path):
    """GitHub makes it by `git archive`."""
    folder = tmp_path / "copy"
    git(reproduced, "archive", "-o", str(tmp_path / "copy.zip"), "HEAD")
    shutil.unpack_archive(tmp_path / "copy.zip", folder)
    shutil.copytree(reproduced / ".dvc/cache", folder / ".dvc/cache")
    dvc(folder, "checkout")
    write_params(folder, **{"knn.k": 3})
    assert stages_run(dvc(folder, "repro", "knn")) == {"knn"}
    for command in ([], ["repair"]):
        assert run("python", "-m", "eurosat_transfer", *command, cwd=folder).returncode == 0


def test_experiments_without_git_name_the_setting_of_dvc(reproduced):
    shutil.rmtree(reproduced / ".git")
    for command in (["experiments"], ["seeds", "1"], ["lab"]):
        status, error = our_command(reproduced, *command)
        assert status == 1
        assert "DVC keeps experiments in Git" in error
        assert "`dvc config --local core.no_scm true`" in error


def test_git_distrusts_the_owner_of_the_repository(reproduced):
    for command in (["experiments"], ["seeds", "1"], ["lab"]):
        # This variable is for Git's own tests.
        status, error = our_command(reproduced, *command, GIT_TEST_ASSUME_DIFFERENT_OWNER="1")
        assert status == 1
        assert f"run `git config --global --add safe.directory {reproduced}`" in error


def test_stages_run_without_flock_if_dvc_is_set_up_for_it(reproduced, tmp_path):
    poison = tmp_path / "poison"
    poison.mkdir()
    (poison / "sitecustomize.py").write_text(WITHOUT_FLOCK)
    write_params(reproduced, **{"knn.k": 3})
    command = ("dvc", "repro", "knn")
    assert run(*command, cwd=reproduced, PYTHONPATH=str(poison)).returncode != 0
    dvc(reproduced, "config", "--local", "core.hardlink_lock", "true")
    for left_by_the_other_kind in (reproduced / ".dvc/tmp").glob("*lock"):
        left_by_the_other_kind.unlink()
    result = run(*command, cwd=reproduced, PYTHONPATH=str(poison))
    assert result.returncode == 0, result.stderr
    assert stages_run(result.stdout) == {"knn"}
    locks = [path for path in (reproduced / ".dvc/tmp").rglob("*lock") if "stages" in str(path)]
    assert [path for path in locks if path.suffix == ".soft-lock"] == []
    trial = run("dvc", "exp", "run", "--temp", "-S", "knn.k=4", "knn", cwd=reproduced, PYTHONPATH=str(poison))
    assert trial.returncode == 0, trial.stderr
    assert stages_run(trial.stdout) == {"knn"}


UNKNOWN = ("unshare", "--map-user=23456", "env", "-u", "HOME", "-u", "USER", "-u", "LOGNAME")


@pytest.mark.skipif(
    not shutil.which("unshare") or run(*UNKNOWN, "true", cwd=REPOSITORY).returncode,
    reason="needs `unshare` and user namespaces",
)
def test_an_unknown_user_without_a_home_folder(reproduced):
    for command in (["summary"], ["experiments"], ["repair"], ["predict", "no.png", "-o", "out.csv"]):
        result = run(*UNKNOWN, "python", "-m", "eurosat_transfer", *command, cwd=reproduced)
        assert "Traceback" not in result.stderr
        assert result.returncode == (command[0] == "predict"), result.stderr
    features = (reproduced / "data/features.npz").read_bytes()
    extracted = run(*UNKNOWN, "python", "-m", "stages.extract", cwd=reproduced)
    assert extracted.returncode == 0, extracted.stderr
    assert (reproduced / "data/features.npz").read_bytes() == features
