"""DVC experiments beside the working tree."""

import subprocess
import sys

import pytest

from eurosat_transfer.commands import experiments
from eurosat_transfer.errors import UserError


@pytest.fixture
def commands(monkeypatch):
    """Record the commands of DVC and let `dvc exp run` end with a status: commands(status) returns the record."""
    recorded: list[list[str]] = []

    def install(status: int) -> list[list[str]]:
        def run(command, **_):
            assert command[:2] == [sys.executable, "-m"]
            recorded.append(command[2:])
            failed = "remove" in command or ("run" in command and status)  # there is nothing to remove
            return subprocess.CompletedProcess(command, 1 if failed else 0)

        monkeypatch.setattr(subprocess, "run", run)
        monkeypatch.setattr(experiments, "check_experiments_are_kept", lambda _: None)
        monkeypatch.setattr(experiments, "read_test_accuracies", lambda name: {"svm": len(name)})
        return recorded

    return install


def test_an_experiment_replaces_an_earlier_one_and_runs_beside_the_working_tree(commands):
    recorded = commands(0)
    assert experiments.run_experiment("trial", ["svm.C=1", "knn.k=3"]) == {"svm": 5}
    assert recorded == [
        ["dvc", "exp", "remove", "trial"],
        ["dvc", "exp", "run", "--temp", "--name", "trial", "-S", "svm.C=1", "-S", "knn.k=3"],
    ]


def test_a_failing_run_is_an_error(commands):
    commands(1)
    with pytest.raises(
        UserError, match="`dvc exp run --temp --name trial -S svm.C=-1` failed; its own message is above"
    ):
        experiments.run_experiment("trial", ["svm.C=-1"])


@pytest.mark.parametrize(
    "setting", ["svm.C=1", "+svm.C=1", "++svm.C=1", "~svm.C", "params.yaml:svm.C=1", "svm.C=a=b:c"]
)
def test_setting_that_the_command_fixes_is_refused(setting):
    with pytest.raises(UserError) as error:
        experiments.check_that_none_is_set(["knn.k=3", setting], ["svm.C"], "it is fixed")
    assert str(error.value) == f"-S {setting} is not allowed: it is fixed"


@pytest.mark.parametrize("setting", ["svm.Cache=1", "svm=1", "data.url=http://host:80/svm.C", "data.path=svm.C"])
def test_settings_with_similar_names_are_allowed(setting):
    experiments.check_that_none_is_set([setting], ["svm.C"], "it is fixed")
