from itertools import pairwise

import numpy as np
import pytest

from stages import labels
from stages.common.features import load_features
from stages.common.files import read_csv, read_json
from stages.common.params import load_params
from stages.common.parts import nested_parts

Y = np.repeat([0, 1, 2], [10, 20, 30])


def test_parts_are_nested_and_balanced():
    parts = nested_parts(Y, [5, 1, 10, 11], seed=0)
    assert [np.bincount(Y[part]).tolist() for part in parts] == [[1] * 3, [5] * 3, [10] * 3]  # 11 are too many
    assert all(set(small) <= set(large) for small, large in pairwise(parts))
    assert not np.array_equal(parts[0], nested_parts(Y, [1], seed=1)[0])


@pytest.mark.usefixtures("features")
def test_the_curve_rises_to_what_all_labels_give(world):
    world(**{"labels.sizes": [1, 5], "labels.draws": 2, "probe.epochs": 20})
    labels.main()
    rows = read_csv("plots/labels.csv")
    assert {(row["classifier"], row["images"], row["draw"]) for row in rows} == {
        (name, images, draw)
        for name in ("svm", "probe")
        for images, draw in (("3", "0"), ("3", "1"), ("15", "0"), ("15", "1"), ("60", "0"))
    }
    for curve in read_json("metrics/labels.json").values():
        assert [point["images"] for point in curve] == [3, 15, 60]
        assert curve[0]["mean"] <= curve[-1]["mean"] == 1.0
        assert curve[-1]["sd"] == 0.0  # all labels, once


def test_mean_and_spread_are_over_the_draws():
    rows = [("svm", 10, 0, 0.5), ("svm", 10, 1, 0.7), ("svm", 20, 0, 0.9)]
    first, last = labels.summarise(rows)["svm"]
    assert (first["mean"], first["sd"]) == (pytest.approx(0.6), pytest.approx(0.2 / 2**0.5))
    assert last == {"images": 20, "mean": 0.9, "sd": 0.0}


def curve():
    return {
        (row["classifier"], row["images"], row["draw"]): float(row["accuracy"]) for row in read_csv("plots/labels.csv")
    }


def test_accuracy_is_of_the_test_set_and_no_choice_is(world, features):
    """With every test label wrong nothing is right: what was chosen and trained is as before."""
    world(**{"labels.sizes": [5], "svm.C": "auto", "probe.lr": "auto", "probe.epochs": 5})
    labels.main()
    before = curve()
    wrong = features | {"y_test": (features["y_test"] + 1) % 3}
    np.savez("data/features.npz", **wrong, classes=np.array(["a", "b", "c"]))
    labels.main()
    assert before["svm", "60", "0"] == before["probe", "60", "0"] == 1.0
    assert curve()["svm", "60", "0"] == curve()["probe", "60", "0"] == 0.0


def test_draws_differ_and_penalties_count(world, features):
    rng = np.random.default_rng(0)
    noisy = features | {key: features[key] + rng.normal(0, 2, features[key].shape) for key in ("X_train", "X_test")}
    np.savez("data/features.npz", **noisy, classes=np.array(["a", "b", "c"]))
    curves = []
    for C in (0.001, 10):
        world(**{"labels.sizes": [3], "labels.draws": 4, "svm.C": C})
        labels.main()
        curves.append(curve())
    assert len({curves[1]["svm", "9", str(draw)] for draw in range(4)}) > 1
    assert curves[0] != curves[1]


def test_a_small_part_is_trained_as_many_steps(world, features):
    world(**{"probe.epochs": 7, "probe.batch_size": 32})
    trainer = labels.ProbeTrainer(load_features(), load_params().probe)
    trainer.test_accuracy(labels.part_of(load_features(), np.arange(3)))
    assert int(trainer.model.optimizer.iterations.numpy()) == 7 * 2  # 60 images: two batches an epoch
    assert features["X_train"].shape == (60, 6)


@pytest.mark.usefixtures("features")
def test_everything_on_auto_runs(world):
    world(**{"labels.sizes": [5], "labels.draws": 1, "svm.C": "auto", "probe.lr": "auto"})
    labels.main()
    assert read_json("metrics/labels.json")["svm"][-1]["mean"] == 1.0
