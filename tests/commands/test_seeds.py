"""The command `seeds`."""

import re
from pathlib import Path

import pytest
from conftest import run
from ruamel.yaml import YAML

from eurosat_transfer import __main__ as command_line
from eurosat_transfer.commands import experiment_results, seeds
from eurosat_transfer.errors import UserError
from eurosat_transfer.evaluation.classifiers import CLASSIFIERS
from eurosat_transfer.evaluation.seed_findings import SEEDS_FILE, current_findings
from eurosat_transfer.io.json_files import read_json
from eurosat_transfer.parameters.loading import load_parameters

ACCURACIES = {"svm": 0.5, "finetune": 0.75}


@pytest.fixture
def run_seeds(world, monkeypatch):
    """Run the command without DVC, and return the experiments with their settings."""
    folder = world()
    (folder / "metrics").mkdir()
    experiments = {}

    def record(name, settings, stages):
        assert list(stages) == list(CLASSIFIERS)
        experiments[name] = settings

    def read(name):
        assert name in experiments
        correct = {
            classifier: {f"{place}.png": place < accuracy * 8 for place in range(8)}
            for classifier, accuracy in ACCURACIES.items()
        }
        return experiment_results.ExperimentResult(load_parameters().as_dict(), correct)

    monkeypatch.setattr(seeds, "run_experiment", record)
    monkeypatch.setattr(experiment_results, "read_experiment", read)

    def run_command(*arguments: str) -> dict[str, list[str]]:
        parsed = command_line.parse_arguments(["seeds", *arguments])
        parsed.run(parsed)
        return experiments

    return run_command


def test_the_seeds_of_all_classifiers_are_training_seeds(world):
    params = YAML(typ="safe").load(world() / "params.yaml")
    params["probe"]["solver"] = "sgd"
    assert "finetune.seed" in seeds.find_training_seeds(params)
    assert seeds.find_training_seeds(params) == [f"{name}.seed" for name in CLASSIFIERS if "seed" in params[name]]


def test_a_seed_that_changes_nothing_is_not_varied(world):
    params = YAML(typ="safe").load(world() / "params.yaml")
    params["probe"]["solver"] = "lbfgs"
    assert seeds.find_training_seeds(params) == ["finetune.seed"]
    assert seeds.find_training_seeds(params, ["probe.solver=sgd"]) == ["probe.seed", "finetune.seed"]


def test_the_seed_of_a_new_classifier_is_varied(monkeypatch):
    params = {name: {} for name in CLASSIFIERS} | {"forest": {"seed": 0, "trees": 10}, "tsne": {"seed": 0}}
    monkeypatch.setitem(CLASSIFIERS, "forest", "a random forest")
    assert seeds.find_training_seeds(params) == ["forest.seed"]


def test_every_split_has_its_own_training_seeds():
    assert seeds.choose_seeds(3, 1) == [(0, 0), (1, 1), (2, 2)]
    assert seeds.choose_seeds(2, 3) == [(0, 0), (0, 2), (0, 4), (1, 1), (1, 3), (1, 5)]


def test_more_trainings_keep_the_runs_that_there_are():
    assert set(seeds.choose_seeds(4, 1)) < set(seeds.choose_seeds(4, 2)) < set(seeds.choose_seeds(4, 3))


def test_each_pair_of_seeds_is_an_experiment(run_seeds, capsys):
    experiments = run_seeds("2", "--training", "2", "--name", "trial", "-S", "svm.C=3", "-S", "knn.k=3")
    assert list(experiments) == ["trial-0-0", "trial-0-2", "trial-1-1", "trial-1-3"]
    for name, settings in experiments.items():
        _, split_seed, training_seed = name.split("-")
        assert settings[0] == f"split.seed={split_seed}"
        assert f"finetune.seed={training_seed}" in settings
        assert {setting.split("=")[1] for setting in settings[1:-2]} == {training_seed}
        assert settings[-2:] == ["svm.C=3", "knn.k=3"]
    assert capsys.readouterr().out.splitlines()[1:4] == [
        "test accuracy",
        "split  training  finetune       svm",
        "    0         0     0.750     0.500",
    ]


def test_there_are_two_trainings_for_each_split_by_default(run_seeds):
    assert len(run_seeds("3")) == 6


def test_findings_are_written_with_the_parameters_that_they_belong_to(run_seeds):
    run_seeds("2", "--training", "1")
    content = read_json(SEEDS_FILE)
    assert list(content) == ["parameters", "seeds", *ACCURACIES]
    assert content["parameters"]["svm"] == load_parameters().as_dict()["svm"]
    assert set(current_findings(content, load_parameters().as_dict(), ACCURACIES)) == set(ACCURACIES)


def test_a_failing_run_writes_no_findings(run_seeds, monkeypatch):
    def fail(*_, **__):
        raise UserError("it failed")

    monkeypatch.setattr(seeds, "run_experiment", fail)
    with pytest.raises(UserError, match="it failed"):
        run_seeds("2")
    assert not Path(SEEDS_FILE).exists()


def test_a_setting_for_a_seed_is_refused(run_seeds):
    with pytest.raises(
        UserError, match=r"-S split.seed=3 is not allowed: this command varies split.seed, .*finetune.seed"
    ):
        run_seeds("1", "-S", "split.seed=3")


@pytest.mark.parametrize("count", ["0", "-1", "two", "1.5"])
def test_a_number_of_seeds_below_one_is_refused(run_seeds, capsys, count):
    for arguments in ([count], ["1", "--training", count]):
        with pytest.raises(SystemExit) as ended:
            run_seeds(*arguments)
        assert ended.value.code == 2
        assert "1 or more" in capsys.readouterr().err or count == "-1"  # argparse takes -1 for an option


@pytest.mark.slow
def test_only_what_depends_on_a_seed_runs_again(reproduced):
    command = ("python", "-m", "eurosat_transfer", "seeds", "2", "--name", "trial", "-S", "svm.C=3")
    result = run(*command, cwd=reproduced)
    assert result.returncode == 0, result.stdout + result.stderr
    ran = re.findall(r"Running stage '(\w+)'", result.stdout)
    assert set(ran) == {"split", "extract", *CLASSIFIERS}
    # The clone has the results of the seeds 0 and 0. The runs are 0-0, 0-2, 1-1 and 1-3.
    assert ran.count("split") == ran.count("extract") == ran.count("knn") == 1
    assert ran.count("svm") == 2
    assert ran.count("finetune") == 3
    content = read_json(reproduced / SEEDS_FILE)
    assert set(content) == {"parameters", "seeds", *CLASSIFIERS}
    assert content["parameters"]["svm"]["C"] == 3
    assert content["seeds"]["splits"] == content["seeds"]["trainings"] == 2
    knn = [accuracy["accuracy"] for accuracy in content["knn"]["accuracies"]]
    assert knn[0] == knn[1] == read_json(reproduced / "metrics/knn.json")["test"]["accuracy"]
    parameters = load_parameters(reproduced / "params.yaml").as_dict()
    accuracies = {name: read_json(reproduced / f"metrics/{name}.json")["test"]["accuracy"] for name in CLASSIFIERS}
    assert set(current_findings(content, parameters, accuracies)) == set(CLASSIFIERS) - {"svm"}  # C=10 here
    changed = run("git", "status", "--porcelain", cwd=reproduced).stdout.split()
    assert changed in (["??", SEEDS_FILE], ["M", SEEDS_FILE])
    assert max(map(len, result.stdout.rpartition("test accuracy\n")[2].splitlines())) <= 100


@pytest.mark.slow
def test_a_failing_run_ends_the_seeds_command(reproduced):
    result = run("python", "-m", "eurosat_transfer", "seeds", "1", "-S", "svm.C=-1", cwd=reproduced)
    assert result.returncode == 1
    assert "svm.C must be greater than 0" in result.stderr
    assert result.stderr.splitlines()[-1].startswith("error: `dvc exp run --temp --name seeds-0-0 ")
