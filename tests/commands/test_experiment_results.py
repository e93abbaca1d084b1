"""What an experiment of DVC was run with, and what it predicted."""

import pytest
from conftest import run

from eurosat_transfer.commands.experiment_results import correct_by_file, read_experiment
from eurosat_transfer.errors import UserError
from eurosat_transfer.evaluation.classifiers import CLASSIFIERS
from eurosat_transfer.io.json_files import read_json
from eurosat_transfer.parameters.loading import load_parameters


def test_a_prediction_is_correct_if_it_is_the_actual_class():
    rows = [
        {"file": "a.png", "actual": "River", "predicted": "River"},
        {"file": "b.png", "actual": "River", "predicted": "Forest"},
    ]
    assert correct_by_file(rows) == {"a.png": True, "b.png": False}


def test_two_images_of_one_name_are_refused():
    row = {"file": "a.png", "actual": "River", "predicted": "River"}
    with pytest.raises(UserError, match=r"two test images are called a\.png; to compare seeds, images need different"):
        correct_by_file([row, row])


@pytest.mark.slow
def test_a_revision_has_its_own_parameters_and_predictions(reproduced, monkeypatch):
    monkeypatch.chdir(reproduced)
    parameters = load_parameters().as_dict()
    accuracies = {name: read_json(f"metrics/{name}.json")["test"]["accuracy"] for name in CLASSIFIERS}
    run("git", "rm", "-q", "params.yaml", cwd=reproduced)
    found = read_experiment("HEAD")
    assert found.parameters == parameters
    assert {name: sum(by_file.values()) / len(by_file) for name, by_file in found.correct.items()} == accuracies
