"""The file with what several seeds have shown."""

import copy

import pytest

from eurosat_transfer.evaluation.seed_findings import SeedRun, current_findings, summarise_runs

PARAMETERS = {
    "data": {"name": "demo"},
    "split": {"train": 640, "seed": 0},
    "backbone": {"name": "tilenet", "seed": 0},
    "extract": {"preprocess": True},
    "svm": {"C": 10.0},
    "finetune": {"lr": 0.003, "seed": 0},
    "tsne": {"seed": 0},
}
ACCURACIES = {"svm": 0.5, "finetune": 0.75}


def seed_run(split_seed: int, training_seed: int, finetune: int = 3, first: int = 0) -> SeedRun:
    """Build a run on four images: svm is right on two of them, finetune on the given number."""
    files = [f"{number}.png" for number in range(first, first + 4)]
    correct = {
        name: {file: place < right for place, file in enumerate(files)}
        for name, right in (("svm", 2), ("finetune", finetune))
    }
    return SeedRun(split_seed, training_seed, correct)


RUNS = [seed_run(0, 0), seed_run(0, 2, finetune=2), seed_run(1, 1, finetune=4, first=1), seed_run(1, 3, first=1)]


@pytest.fixture
def content():
    return summarise_runs(RUNS, PARAMETERS)


def changed(section: str, key: str, value) -> dict:
    parameters = copy.deepcopy(PARAMETERS)
    parameters[section][key] = value
    return parameters


def test_summary_has_the_figures_of_each_classifier(content):
    assert content["seeds"] == {"splits": 2, "trainings": 2, "images": 5, "shared_images": 3}
    assert content["parameters"] == {name: values for name, values in PARAMETERS.items() if name != "tsne"}
    finetune = content["finetune"]
    assert finetune["runs"] == 4
    assert finetune["accuracies"] == [
        {"split_seed": 0, "training_seed": 0, "accuracy": 0.75},
        {"split_seed": 0, "training_seed": 2, "accuracy": 0.5},
        {"split_seed": 1, "training_seed": 1, "accuracy": 1.0},
        {"split_seed": 1, "training_seed": 3, "accuracy": 0.75},
    ]
    assert finetune["mean"] == 0.75
    assert finetune["low"] <= 0.75 <= finetune["high"]
    assert finetune["sd_training"] == pytest.approx(0.1768, abs=1e-4)  # both splits have two runs 0.25 apart
    assert content["svm"]["sd_training"] == 0


def test_spread_that_cannot_be_measured_is_none():
    content = summarise_runs([seed_run(0, 0), seed_run(1, 1)], PARAMETERS)
    assert content["finetune"]["sd_training"] is None
    assert content["finetune"]["sd_split"] is not None
    assert summarise_runs([seed_run(0, 0)], PARAMETERS)["finetune"]["sd_split"] is None


def test_findings_of_the_same_parameters_are_current(content):
    assert current_findings(content, PARAMETERS, ACCURACIES) == {name: content[name] for name in ACCURACIES}
    assert current_findings({}, PARAMETERS, ACCURACIES) == {}


@pytest.mark.parametrize(
    ("section", "key", "value", "current"),
    [
        ("data", "name", "eurosat", set()),
        ("split", "train", 100, set()),
        ("backbone", "seed", 1, set()),
        ("extract", "preprocess", False, set()),
        ("svm", "C", 1.0, {"finetune"}),
        ("finetune", "lr", 0.001, {"svm"}),
        ("tsne", "seed", 1, {"svm", "finetune"}),
    ],
)
def test_findings_of_other_parameters_are_not_current(content, section, key, value, current):
    assert set(current_findings(content, changed(section, key, value), ACCURACIES)) == current


def test_seeds_of_the_workspace_select_the_run_that_must_have_its_accuracy(content):
    accuracies = {"svm": 0.5, "finetune": 0.5}
    assert set(current_findings(content, PARAMETERS, accuracies)) == {"svm"}
    assert set(current_findings(content, changed("finetune", "seed", 2), accuracies)) == {"svm", "finetune"}


def test_findings_of_other_code_or_images_are_not_current(content):
    assert set(current_findings(content, PARAMETERS, ACCURACIES | {"svm": 0.75})) == {"finetune"}


def test_findings_without_a_run_of_the_workspace_seeds_are_not_current(content):
    assert current_findings(content, changed("split", "seed", 7), ACCURACIES) == {}
    assert set(current_findings(content, changed("finetune", "seed", 9), ACCURACIES)) == {"svm"}


def test_a_seed_that_changes_nothing_may_differ():
    section = {"solver": "lbfgs", "seed": 0}
    content = summarise_runs(RUNS, PARAMETERS | {"svm": section})
    assert "svm" in current_findings(content, PARAMETERS | {"svm": section | {"seed": 9}}, ACCURACIES)
    with_sgd = section | {"solver": "sgd"}
    content = summarise_runs(RUNS, PARAMETERS | {"svm": with_sgd})
    assert "svm" not in current_findings(content, PARAMETERS | {"svm": with_sgd | {"seed": 9}}, ACCURACIES)
