"""The label curve of chosen tiles, beside that of drawn ones."""

import numpy as np
import pytest
from small_features import feature_set

from eurosat_transfer.features.feature_set import FeatureSet
from eurosat_transfer.io.csv_files import read_csv
from eurosat_transfer.io.json_files import read_json
from eurosat_transfer.models.chosen_labels import buy_labels, fit_chosen_labels
from eurosat_transfer.models.svm import fit_svm
from eurosat_transfer.parameters.labels import Labels
from stages import chosen


def fits_by_way(features, **labels):
    return {fit[:3]: fit for fit in fit_chosen_labels(features, Labels(**{"sizes": [1], "draws": 1} | labels))}


def test_there_is_one_choice_and_several_draws_of_each_size():
    found = fits_by_way(feature_set(), sizes=[5, 1, 11], draws=2)
    assert list(found) == [
        ("chosen", 3, 0), ("chosen", 15, 0),
        ("drawn", 3, 0), ("drawn", 3, 1), ("drawn", 15, 0), ("drawn", 15, 1),
    ]  # fmt: skip


def test_drawn_tiles_come_from_all_of_train_and_larger_draws_contain_the_smaller_ones():
    features = feature_set(noise=3)
    X, y = features.select("train")
    found = fits_by_way(features, sizes=[4, 10], draws=2)
    for draw in range(2):
        order = np.random.default_rng(draw).permutation(60)
        for size in (12, 30):
            of_draw = fit_svm(X[order[:size]], y[order[:size]], "rbf", 10).predict(features.X["test"])
            assert found["drawn", size, draw].accuracy == (of_draw == features.y["test"]).mean()


def test_one_choice_finds_every_class_where_draws_miss_some():
    features = feature_set()
    found = fits_by_way(features, sizes=[1], draws=20)
    assert found["chosen", 3, 0].accuracy == 1
    assert np.mean([found["drawn", 3, draw].accuracy for draw in range(20)]) < 0.9


def test_labels_are_bought_in_rounds_by_what_the_bought_ones_say():
    features = feature_set(noise=2)
    X, y = features.select("train")
    first, second = buy_labels(X, y, [12, 24])
    assert second[:12].tolist() == first.tolist()
    assert len(set(second.tolist())) == 24
    other = y.copy()
    hidden = np.setdiff1d(np.arange(60), second)
    other[hidden] = (y[hidden] + 1) % 3
    assert buy_labels(X, other, [12, 24])[1].tolist() == second.tolist()  # hidden labels decide nothing
    other[first] = y[first][np.random.default_rng(0).permutation(12)]
    assert buy_labels(X, other, [12, 24])[0].tolist() == first.tolist()
    assert buy_labels(X, other, [12, 24])[1].tolist() != second.tolist()  # bought ones do


def test_a_class_that_no_round_has_found_yet_is_unknown():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], [4, 40, 30])  # the first round finds the two large classes
    X = rng.normal(0, 0.1, (74, 6)) + 3 * np.eye(3, 6)[y]
    first, second = buy_labels(X, y, [2, 8])
    assert set(y[first].tolist()) == {1, 2}
    assert set(y[second].tolist()) == {0, 1, 2}


def test_tiles_of_one_class_predict_that_class():
    features = feature_set()
    one = FeatureSet(features.X, features.y | {"train": np.zeros(60, np.int64)}, features.classes)
    assert fits_by_way(one)["chosen", 3, 0].accuracy == (features.y["test"] == 0).mean()


@pytest.mark.usefixtures("features")
def test_stage_writes_both_curves_and_their_differences(world, capsys):
    world(**{"labels.sizes": [1, 5, 500], "labels.draws": 3})
    chosen.main()
    rows = read_csv("plots/chosen.csv")
    figures = read_json("metrics/chosen.json")
    assert [point["images"] for point in figures["chosen"]] == [3, 15]
    for difference, by_choice in zip(figures["differences"], figures["chosen"], strict=True):
        size = difference["images"]
        drawn = [float(r["accuracy"]) for r in rows if (r["classifier"], r["images"]) == ("drawn", str(size))]
        assert difference["draws"] == len(drawn) == 3
        assert difference["mean"] == pytest.approx(by_choice["mean"] - np.mean(drawn))
        assert difference["low"] < difference["mean"] < difference["high"]
    assert "     3 images  1.000 chosen, " in capsys.readouterr().out


@pytest.mark.usefixtures("features")
def test_stage_without_a_possible_size_writes_empty_curves(world):
    world(**{"labels.sizes": [500]})
    chosen.main()
    assert read_json("metrics/chosen.json") == {"chosen": [], "drawn": [], "differences": []}
