"""The stage compare."""

from itertools import combinations

import pytest

from eurosat_transfer.errors import UserError
from eurosat_transfer.evaluation.classifiers import CLASSIFIERS
from eurosat_transfer.io.csv_files import write_csv
from eurosat_transfer.io.json_files import read_json
from stages import compare

IMAGES = 50


@pytest.fixture
def write_predictions(world):
    """Write the predictions of all classifiers: write_predictions(knn=10) makes 10 predictions of knn wrong."""
    world()

    def write(**wrong: int) -> None:
        for name in CLASSIFIERS:
            rows = [("a", "b" if i < wrong.get(name, 0) else "a") for i in range(IMAGES)]
            write_csv(f"plots/{name}_predictions.csv", ("actual", "predicted"), rows)

    return write


def test_all_pairs_are_compared(write_predictions, capsys):
    write_predictions(pixels=20, knn=10)
    compare.main()
    result = read_json("metrics/compare.json")
    assert result["images"] == IMAGES
    pairs = {frozenset((pair["better"], pair["worse"])): pair for pair in result["pairs"]}
    assert len(pairs) == len(result["pairs"])
    assert set(pairs) == {frozenset(pair) for pair in combinations(CLASSIFIERS, 2)}
    pair = pairs[frozenset(("knn", "pixels"))]
    assert (pair["better"], pair["difference"]) == ("knn", 0.2)
    assert (pair["only_better"], pair["only_worse"]) == (10, 0)
    assert capsys.readouterr().out.splitlines() == [pair["words"] for pair in result["pairs"]]


def test_the_more_expensive_of_two_equal_classifiers_comes_first(write_predictions):
    write_predictions()
    compare.main()
    expensive_first = list(reversed(CLASSIFIERS))
    pairs = [(pair["better"], pair["worse"]) for pair in read_json("metrics/compare.json")["pairs"]]
    assert pairs == list(combinations(expensive_first, 2))


def test_predictions_of_different_images_are_an_error(write_predictions):
    write_predictions()
    write_csv("plots/svm_predictions.csv", ("actual", "predicted"), [("b", "b")] * IMAGES)
    with pytest.raises(UserError, match=r"plots/svm_predictions\.csv and plots/\w+_predictions\.csv have different"):
        compare.main()


def test_a_missing_predictions_file_is_an_error(write_predictions, tmp_path):
    write_predictions()
    (tmp_path / "plots/svm_predictions.csv").unlink()
    with pytest.raises(FileNotFoundError):
        compare.main()
