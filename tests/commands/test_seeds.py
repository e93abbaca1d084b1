"""The command `seeds`."""

import re

import pytest
from conftest import run
from ruamel.yaml import YAML

from eurosat_transfer import __main__ as command_line
from eurosat_transfer.commands import seeds
from eurosat_transfer.errors import UserError
from eurosat_transfer.evaluation.classifiers import CLASSIFIERS
from eurosat_transfer.io.json_files import read_json


@pytest.fixture
def run_seeds(world, monkeypatch):
    """Run the command without DVC, and return the experiments with their settings."""
    world()
    experiments = {}

    def record(name, settings):
        experiments[name] = settings
        return {"svm": 0.5, "finetune": 0.5 + len(experiments) / 10}

    monkeypatch.setattr(seeds, "run_experiment", record)

    def run_command(*arguments: str) -> dict[str, list[str]]:
        parsed = command_line.parse_arguments(["seeds", *arguments])
        parsed.run(parsed)
        return experiments

    return run_command


def test_table_has_a_line_per_seed_and_the_best_classifier_first():
    table = seeds.format_accuracies([{"svm": 0.5, "finetune": 0.7}, {"svm": 0.6, "finetune": 0.9}])
    assert table == (
        "seed  finetune       svm\n"
        "0        0.700     0.500\n"
        "1        0.900     0.600\n"
        "mean     0.800     0.550\n"
        "sd       0.141     0.071"
    )


def test_one_seed_has_no_spread():
    assert seeds.format_accuracies([{"svm": 0.5}]).splitlines()[-1].split() == ["sd", "0.000"]


def test_table_fits_100_columns():
    result = dict.fromkeys(CLASSIFIERS, 0.5)
    assert max(map(len, seeds.format_accuracies([result] * 30).splitlines())) <= 100


def test_seeds_of_the_split_and_of_all_classifiers_are_varied(world):
    params = YAML(typ="safe").load(world() / "params.yaml")
    with_seed = [name for name in CLASSIFIERS if "seed" in params[name]]
    assert {"probe", "finetune"} <= set(with_seed)
    assert seeds.find_seeds(params) == ["split.seed", *(f"{name}.seed" for name in with_seed)]


def test_the_seed_of_a_new_classifier_is_varied(monkeypatch):
    params = {name: {} for name in CLASSIFIERS} | {"forest": {"seed": 0, "trees": 10}, "tsne": {"seed": 0}}
    monkeypatch.setitem(CLASSIFIERS, "forest", "a random forest")
    assert seeds.find_seeds(params) == ["split.seed", "forest.seed"]


def test_each_seed_is_an_experiment(run_seeds, capsys):
    experiments = run_seeds("2", "--name", "trial", "-S", "svm.C=3", "-S", "knn.k=3")
    assert list(experiments) == ["trial-0", "trial-1"]
    for seed, settings in enumerate(experiments.values()):
        assert settings[-2:] == ["svm.C=3", "knn.k=3"]
        assert {"split.seed", "probe.seed", "finetune.seed"} <= {key.split("=")[0] for key in settings[:-2]}
        assert {setting.split("=")[1] for setting in settings[:-2]} == {str(seed)}
    assert capsys.readouterr().out.splitlines()[1:4] == [
        "test accuracy",
        "seed  finetune       svm",
        "0        0.600     0.500",
    ]


def test_a_setting_for_a_seed_is_refused(run_seeds):
    with pytest.raises(
        UserError, match=r"-S split.seed=3 is not allowed: this command varies split.seed, .*probe.seed"
    ):
        run_seeds("1", "-S", "split.seed=3")


@pytest.mark.parametrize("count", ["0", "-1", "two", "1.5"])
def test_a_number_of_seeds_below_one_is_refused(run_seeds, capsys, count):
    with pytest.raises(SystemExit) as ended:
        run_seeds(count)
    assert ended.value.code == 2
    assert "1 or more" in capsys.readouterr().err or count == "-1"  # argparse takes -1 for an option


@pytest.mark.slow
def test_stages_that_do_not_depend_on_the_seed_run_once(reproduced):
    before = run("git", "status", "--porcelain", cwd=reproduced).stdout
    command = ("python", "-m", "eurosat_transfer", "seeds", "2", "--name", "trial", "-S", "svm.C=3")
    result = run(*command, cwd=reproduced)
    assert result.returncode == 0, result.stdout + result.stderr
    ran = re.findall(r"Running stage '(\w+)'", result.stdout)
    assert not {"download", "backbone", "activations"} & set(ran)
    # The clone has the results of seed 0. So seed 0 runs what svm.C changes, and seed 1 what the split changes.
    assert ran.count("svm") == 2
    assert ran.count("split") == ran.count("extract") == ran.count("finetune") == 1
    header, *lines = result.stdout.rpartition("test accuracy\n")[2].splitlines()
    rows = {
        words[0]: dict(zip(header.split()[1:], map(float, words[1:]), strict=True)) for words in map(str.split, lines)
    }
    assert set(rows["0"]) == set(CLASSIFIERS)
    assert rows["0"]["knn"] == round(read_json(reproduced / "metrics/knn.json")["test"]["accuracy"], 3)
    assert rows["mean"]["finetune"] == pytest.approx((rows["0"]["finetune"] + rows["1"]["finetune"]) / 2, abs=0.001)
    assert run("git", "status", "--porcelain", cwd=reproduced).stdout == before


@pytest.mark.slow
def test_a_failing_run_ends_the_seeds_command(reproduced):
    result = run("python", "-m", "eurosat_transfer", "seeds", "1", "-S", "svm.C=-1", cwd=reproduced)
    assert result.returncode == 1
    assert "svm.C must be greater than 0" in result.stderr
    assert result.stderr.splitlines()[-1].startswith("error: `dvc exp run --temp --name seeds-0 ")
