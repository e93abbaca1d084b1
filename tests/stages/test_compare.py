"""The stage compare."""

from itertools import combinations
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from eurosat_transfer.errors import UserError
from eurosat_transfer.evaluation.classifiers import CLASSIFIERS
from eurosat_transfer.io.csv_files import write_csv
from eurosat_transfer.io.json_files import read_json, write_json
from stages import compare

IMAGES = 50


def predictions(wrong: int) -> list[tuple[str, str, str]]:
    """Make the rows of the predictions of 50 images of the class a, of which the first ones are wrong."""
    return [(f"a/{i}.jpg", "a", "b" if i < wrong else "a") for i in range(IMAGES)]


@pytest.fixture
def write_results(world):
    """Write the results of all classifiers: write_results(knn=10) makes 10 predictions of knn wrong."""
    world()

    def write(**wrong: int) -> None:
        for name in CLASSIFIERS:
            rows = predictions(wrong.get(name, 0))
            write_csv(f"plots/{name}_predictions.csv", ("file", "actual", "predicted"), rows)
            write_csv(f"plots/{name}_classes.csv", ("class", "f1", "images"), [("a", 1.0, IMAGES), ("b", "", 0)])
            val = {"accuracy": 0.75 if name == "probe" else 0.5}
            write_json(f"metrics/{name}.json", {"training_labels": 800 if name == "knn" else 640, "val": val})

    return write


def test_all_pairs_are_compared(write_results, capsys):
    write_results(pixels=30, knn=10)
    compare.main()
    result = read_json("metrics/compare.json")
    assert result["images"] == IMAGES
    pairs = {frozenset((pair["better"], pair["worse"])): pair for pair in result["pairs"]}
    assert len(pairs) == len(result["pairs"])
    assert set(pairs) == {frozenset(pair) for pair in combinations(CLASSIFIERS, 2)}
    pair = pairs[frozenset(("knn", "pixels"))]
    assert (pair["better"], pair["difference"]) == ("knn", 0.4)
    assert (pair["only_better"], pair["only_worse"]) == (20, 0)
    assert (pair["better_labels"], pair["worse_labels"]) == (800, 640)
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= 100
    sentences = [result["words"], *(pair["words"] for pair in result["pairs"])]
    assert " ".join(printed.split()) == " ".join([*sentences, "To be saved as a model: probe."])


def test_the_best_classifier_on_val_is_chosen_with_its_parameters_and_confusion(write_results):
    write_results(probe=4)
    compare.main()
    choice = read_json("data/choice.json")
    assert choice["classifier"] == "probe"
    assert choice["parameters"]["solver"] == "lbfgs"
    assert choice["confusion"] == [[IMAGES - 4, 4], [0, 0]]


def test_conclusions_are_written(write_results):
    poor = {"bands": 30, "pixels": 30}
    write_results(**poor, knn=3)
    compare.main()
    result = read_json("metrics/compare.json")
    assert result["small_classes"] == {"b": 0}
    # svm, probe and finetune make no mistake, and three of 50 are too few to tell knn apart from them.
    assert (result["best"], result["recommended"]) == ("svm", "knn")
    assert set(result["tied"]) == set(CLASSIFIERS) - {"svm", *poor}


def test_a_classifier_that_saw_the_test_images_is_named(write_results, capsys):
    write_results(pixels=30)
    write_json("metrics/spread.json", {"training_labels": 640, "val": {"accuracy": 0.5}, "saw_test": True})
    compare.main()
    assert read_json("metrics/compare.json")["saw_test"] == ["spread"]
    assert "spread learned from the test images too, without their labels" in " ".join(capsys.readouterr().out.split())


def test_training_seeds_are_named_and_their_values_change_nothing(write_results):
    write_results(pixels=30, knn=3)
    compare.main()
    first = read_json("metrics/compare.json")
    assert first["random_training"] == ["finetune"]
    words = {frozenset((pair["better"], pair["worse"])): pair["words"] for pair in first["pairs"]}
    assert "finetune trained with one seed" in words[frozenset(("finetune", "svm"))]
    assert "seed" not in words[frozenset(("probe", "svm"))]
    set_parameter("finetune", "seed", 7)
    compare.main()
    assert read_json("metrics/compare.json") == first
    set_parameter("probe", "solver", "sgd")
    compare.main()
    assert read_json("metrics/compare.json")["random_training"] == ["probe", "finetune"]


def set_parameter(section: str, key: str, value: object) -> None:
    yaml, file = YAML(), Path("params.yaml")
    params = yaml.load(file)
    params[section][key] = value
    yaml.dump(params, file)


def test_predictions_of_different_images_are_an_error(write_results):
    write_results()
    write_csv("plots/svm_predictions.csv", ("file", "actual", "predicted"), predictions(0)[::-1])
    with pytest.raises(UserError, match=r"plots/svm_predictions\.csv and plots/\w+_predictions\.csv have different"):
        compare.main()


def test_a_missing_predictions_file_is_an_error(write_results, tmp_path):
    write_results()
    (tmp_path / "plots/svm_predictions.csv").unlink()
    with pytest.raises(FileNotFoundError):
        compare.main()
