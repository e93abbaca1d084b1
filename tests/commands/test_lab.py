"""The command `lab`."""

import functools
import shlex
from pathlib import Path

import pytest
from conftest import dvc, run
from ruamel.yaml import YAML

from eurosat_transfer import __main__ as command_line
from eurosat_transfer.commands import lab
from eurosat_transfer.errors import UserError
from eurosat_transfer.evaluation.classifiers import CLASSIFIERS
from eurosat_transfer.io.json_files import read_json, write_json
from eurosat_transfer.parameters.loading import load_parameters


@pytest.fixture
def run_lab(world, monkeypatch, capsys):
    """Run the command without DVC, and return what it printed; run_lab.experiments has the experiments."""
    world()
    experiments = {}

    def record(name, settings):
        experiments[name] = settings
        return {"svm": 0.25, "finetune": 0.125}

    monkeypatch.setattr(lab, "run_experiment", record)

    def run_command(*arguments: str) -> str:
        parsed = command_line.parse_arguments(["lab", *arguments])
        parsed.run(parsed)
        return capsys.readouterr().out

    run_command.experiments = experiments
    return run_command


def with_lab_settings(params: dict) -> dict:
    for key, value in lab.SETTINGS.items():
        section, name = key.split(".")
        params[section][name] = YAML(typ="safe").load(value)
    return params


def test_settings_give_the_hyperparameters_of_the_lab():
    params = with_lab_settings(YAML(typ="safe").load(Path(__file__).parents[2] / "params.yaml"))
    assert params["extract"]["preprocess"] is False
    assert params["svm"] == {"features": ["deep"], "kernel": "rbf", "C": 10}
    assert {key: params["probe"][key] for key in ("solver", "lr", "batch_size", "epochs")} == {
        "solver": "sgd",
        "lr": 0.1,
        "batch_size": 32,
        "epochs": 20,
    }
    finetune = params["finetune"]
    assert (finetune["optimizer"], finetune["lr"], finetune["momentum"]) == ("sgd", 0.01, 0.9)
    assert (finetune["trainable"], finetune["head_epochs"], finetune["epochs"]) == ("all", 0, 10)
    assert (finetune["schedule"], finetune["warmup_epochs"], finetune["weight_decay"]) == ("constant", 0, 0)
    assert (finetune["augment"], finetune["dropout"], finetune["test_turns"]) == (False, 0, False)
    assert (finetune["clipnorm"], finetune["batchnorm_momentum"]) == (None, None)


def test_settings_are_valid_parameters(world):
    file = world() / "params.yaml"
    yaml = YAML()
    params = with_lab_settings(yaml.load(file))
    yaml.dump(params, file)
    as_loaded = load_parameters(file).as_dict()
    for key, value in lab.SETTINGS.items():
        assert functools.reduce(dict.__getitem__, key.split("."), as_loaded) == YAML(typ="safe").load(value), key


@pytest.mark.parametrize(
    ("section", "left_to_users"),
    [("svm", set()), ("probe", {"C", "seed"}), ("finetune", {"threshold", "rounds", "seed", "label_sizes", "threads"})],
)
def test_settings_fix_every_parameter_that_is_not_left_to_users(world, section, left_to_users):
    """A user may have changed any value of params.yaml, and a new parameter needs a decision."""
    params = load_parameters(world() / "params.yaml").as_dict()
    fixed = {key.split(".")[1] for key in lab.SETTINGS if key.startswith(f"{section}.")}
    assert fixed | left_to_users == set(params[section])


def test_the_experiment_is_named_lab_and_has_the_further_settings(run_lab):
    run_lab("-S", "data.name=eurosat", "-S", "backbone.name=resnet50")
    ((name, settings),) = run_lab.experiments.items()
    assert name == "lab"
    assert settings[-2:] == ["data.name=eurosat", "backbone.name=resnet50"]
    assert settings[:-2] == [f"{key}={value}" for key, value in lab.SETTINGS.items()]


def test_a_dry_run_prints_the_command_for_a_shell(run_lab):
    printed = run_lab("--dry-run", "-S", "data.path=/my tiles")
    words = shlex.split(printed.replace("\\\n", " "))
    assert words[:6] == ["dvc", "exp", "run", "--temp", "--name", "lab"]
    assert words[6::2] == ["-S"] * (len(lab.SETTINGS) + 1)
    assert words[7::2] == [*(f"{key}={value}" for key, value in lab.SETTINGS.items()), "data.path=/my tiles"]
    assert max(map(len, printed.splitlines())) <= 100
    assert run_lab.experiments == {}


def test_settings_of_the_lab_cannot_be_changed(run_lab):
    with pytest.raises(
        UserError, match="-S svm.C=1 is not allowed: the lab's settings have a value for this parameter"
    ):
        run_lab("-S", "svm.C=1")
    assert run_lab.experiments == {}


def test_accuracies_stand_beside_those_of_the_workspace(run_lab):
    write_json("metrics/svm.json", {"val": {"accuracy": 0.5}, "test": {"accuracy": 0.75}})
    printed = run_lab()
    assert printed.startswith(
        "\ntest accuracy  lab's settings  workspace\n"
        "svm                     0.250      0.750\n"
        "finetune                0.125  no result\n"
    )
    assert "python -m eurosat_transfer experiments" in printed
    assert "Only the lab's run" not in printed
    assert max(map(len, printed.splitlines())) <= 100


def test_settings_that_the_workspace_does_not_have_are_named(run_lab):
    printed = run_lab("-S", "data.name=eurosat", "-S", "data.path=/my tiles")
    assert "Only the lab's run has -S data.name=eurosat -S 'data.path=/my tiles'." in printed


@pytest.mark.slow
def test_dvc_compares_the_lab_with_the_workspace(reproduced):
    before = run("git", "status", "--porcelain", cwd=reproduced).stdout
    dvc(reproduced, "exp", "save", "--name", "lab")  # the run replaces it
    result = run("python", "-m", "eurosat_transfer", "lab", "-S", "pixels.C=3", cwd=reproduced)
    assert result.returncode == 0, result.stdout + result.stderr
    lines = result.stdout.rpartition("test accuracy  lab's")[2].splitlines()[1 : 1 + len(CLASSIFIERS)]
    rows = {line.split()[0]: [float(word) for word in line.split()[1:]] for line in lines}
    for name in CLASSIFIERS:
        accuracy = read_json(reproduced / f"metrics/{name}.json")["test"]["accuracy"]
        assert rows[name][1] == pytest.approx(accuracy, abs=0.0005)
    show = shlex.split(next(line for line in lab.COMPARE.splitlines() if "experiments" in line))
    table = run(*show, cwd=reproduced).stdout
    of_lab = table[table.index("\nlab ") :]
    assert f"{rows['finetune'][0]:.3f}" in of_lab.splitlines()[1]
    changes = " ".join(of_lab.split())
    for change in ("finetune.optimizer=sgd", "extract.preprocess=false", "pixels.C=3"):
        assert change in changes
    assert run("git", "status", "--porcelain", cwd=reproduced).stdout == before
