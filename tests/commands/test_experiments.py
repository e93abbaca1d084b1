"""DVC experiments beside the working tree."""

import shlex
import shutil
import subprocess
import sys

import pytest
from conftest import REPOSITORY
from dvc.utils.hydra import apply_overrides
from ruamel.yaml import YAML

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
    ("setting", "quoted"),
    [
        ("data.path=/a/é", "'data.path=\"/a/é\"'"),
        ("data.path=/a (1)", "'data.path=\"/a (1)\"'"),
        ("data.path=/a,b", "'data.path=\"/a,b\"'"),
        ("data.path=/a=b", "'data.path=\"/a=b\"'"),
        ("data.path=~/tiles", "'data.path=\"~/tiles\"'"),
    ],
)
def test_a_failing_run_says_what_to_quote(commands, setting, quoted):
    commands(1)
    with pytest.raises(UserError) as error:
        experiments.run_experiment("trial", ["svm.C=1", setting])
    assert str(error.value).endswith(f"; put a path in two pairs of quotes: -S {quoted}")


@pytest.mark.parametrize(
    "value", ["1", "1e-3", "/a/b c_d.zip", "https://host:80/x", '"/a/é"', "'/a, b'", "[4,3,2]", "{alpha: 0.35}", "null"]
)
def test_plain_and_quoted_settings_need_no_advice(value):
    assert experiments.advise_quotes([f"data.path={value}"]) == ""


def test_dvc_understands_what_the_advice_says(tmp_path):
    """DVC's own parser reads the advised settings as they were meant."""
    values = ["/a/é", "/a b (1), c=d", "/森林", "~/tiles", "/a'b", '/a"b', "/a#b&c;d!e", "2750", "1e5", "true"]
    for value in values:
        shutil.copy(REPOSITORY / "params.yaml", tmp_path)
        advice = experiments.advise_quotes([f"data.path={value}"])
        setting = shlex.split(advice.partition("-S ")[2])[0] if advice else f'data.path="{value}"'
        apply_overrides(tmp_path / "params.yaml", [setting])
        assert YAML(typ="safe").load(tmp_path / "params.yaml")["data"]["path"] == value


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
