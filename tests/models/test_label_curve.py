from itertools import combinations

import numpy as np
import pytest
from small_features import feature_set, with_labels

from eurosat_transfer.data.label_subsets import nested_label_subsets
from eurosat_transfer.data.subsets import UNLABELLED
from eurosat_transfer.features.feature_set import Block, FeatureSet
from eurosat_transfer.io.csv_files import read_csv
from eurosat_transfer.io.json_files import read_json
from eurosat_transfer.models.label_curve import fit_probe_curve, fit_spread_curve, fit_svm_curve
from eurosat_transfer.models.logistic_regression import choose_logistic_penalty, fit_logistic_regression
from eurosat_transfer.models.probe import evaluate_probe
from eurosat_transfer.models.spread import evaluate_spread, fit_layer, prepare_nodes
from eurosat_transfer.models.svm import choose_svm_penalty, evaluate_svm, fit_svm
from eurosat_transfer.parameters.labels import Labels
from eurosat_transfer.parameters.probe import Probe
from eurosat_transfer.parameters.spread import Spread
from eurosat_transfer.parameters.svm import Svm
from stages import bands_labels, labels, probe_labels, spread_labels, svm_labels

RBF = Svm(features=["deep"], kernel="rbf", C=10)
AUTO = Svm(features=["deep"], kernel="rbf", C="auto")
SPREAD = Spread(neighbours=5, components=4, alpha=0.9)


def probe_parameters(**changes) -> Probe:
    return Probe(**{"solver": "lbfgs", "C": "auto", "lr": 0.1, "batch_size": 32, "epochs": 2, "seed": 0} | changes)


def run_curves():
    """Run the stages of the label curves, and the one that compares them."""
    for stage in (bands_labels, probe_labels, spread_labels, svm_labels, labels):
        stage.main()


def curve(
    features: FeatureSet, labels: Labels, svm: Svm = RBF, unlabelled: str = "rest", **probe
) -> dict[tuple[str, int, int], float]:
    """Fit a label curve: accuracy by classifier, number of images and draw."""
    fits = [
        *fit_probe_curve(features, labels, probe_parameters(**probe)),
        *fit_spread_curve(features, labels, SPREAD, unlabelled),
        *fit_svm_curve(features, labels, svm),
    ]
    assert [fit[:3] for fit in fits] == sorted(fit[:3] for fit in fits)
    found = {(fit.classifier, fit.images, fit.draw): fit.accuracy for fit in fits}
    assert all(fit.accuracy == fit.correct.mean() for fit in fits)
    assert len(found) == len(fits)
    return found


def test_curve_has_every_subset_of_every_draw_and_all_images_once():
    found = curve(feature_set(), Labels(sizes=[1, 5, 1000], draws=2), C=30.0)
    names = {name for name, *_ in found}
    assert len(names) == 3
    assert "spread" in names
    assert set(found) == {
        (name, images, draw) for name in names for images, draw in ((3, 0), (3, 1), (15, 0), (15, 1), (60, 0))
    }
    assert {found[name, 60, 0] for name in names} == {1.0}


@pytest.mark.parametrize("sizes", [[], [20]])
def test_all_images_are_fitted_once(sizes):
    features = feature_set()
    wrong = with_labels(features, test=(features.y["test"] + 1) % 3)
    found = curve(wrong, Labels(sizes=sizes, draws=1), C=30.0)
    assert set(found.values()) == {0.0}  # measured on test, where every label is wrong


def test_classifiers_are_fitted_on_the_rows_of_each_draw():
    features = feature_set(noise=3)
    found = curve(features, Labels(sizes=[3, 10], draws=3), C=30.0)
    unseen, actual = features.select("test")
    for draw in range(3):
        for rows in nested_label_subsets(features.y["train"], [3, 10], draw):
            X, y = features.X["train"][rows], features.y["train"][rows]
            assert found["svm", len(rows), draw] == fit_svm(X, y, "rbf", 10).score(unseen, actual)
            predicted = fit_logistic_regression(X, y, 30.0)[0].probabilities(unseen, 3).argmax(axis=1)
            assert found["probe", len(rows), draw] == (predicted == actual).mean()
    assert len({found["svm", 9, draw] for draw in range(3)}) > 1
    assert len({found["probe", 9, draw] for draw in range(3)}) > 1


def test_penalties_are_chosen_for_each_subset_on_its_own_labels():
    """The labels of val would choose other penalties, and so would all training labels."""
    features = feature_set(noise=3, seed=7)
    (rows,) = nested_label_subsets(features.y["train"], [4], 0)
    features = with_labels(features, val=(features.y["val"] + 1) % 3)
    X, y = features.X["train"][rows], features.y["train"][rows]
    penalties = choose_svm_penalty(X, y, "rbf"), choose_logistic_penalty(X, y)
    of_all = choose_svm_penalty(*features.select("train"), "rbf"), choose_logistic_penalty(*features.select("train"))
    assert all(chosen != other for chosen, other in zip(penalties, of_all, strict=True))
    found = curve(features, Labels(sizes=[4], draws=1), AUTO)
    expected = curve(
        features, Labels(sizes=[4], draws=1), Svm(features=["deep"], kernel="rbf", C=penalties[0]), C=penalties[1]
    )
    assert [found[name, 12, 0] for name in ("svm", "probe")] == [expected[name, 12, 0] for name in ("svm", "probe")]


def test_classifiers_have_the_same_accuracy_on_all_images_as_in_their_stages():
    features = feature_set(noise=3)
    found = curve(features, Labels(sizes=[], draws=1), AUTO)
    assert found["svm", 60, 0] == evaluate_svm(features, AUTO).test.accuracy
    assert found["probe", 60, 0] == evaluate_probe(features, probe_parameters()).results.test.accuracy


def with_unlabelled(features: FeatureSet, count: int = 40, noise: float = 3) -> FeatureSet:
    """Add images without labels."""
    rng = np.random.default_rng(9)
    X = (rng.normal(0, noise, (count, 6)) + 3 * np.eye(3, 6)[np.arange(count) % 3]).astype(np.float32)
    return FeatureSet(features.X | {UNLABELLED: X}, features.y, features.classes)


@pytest.mark.parametrize("unlabelled", ["none", "rest", "test"])
def test_spread_has_the_same_accuracy_on_all_images_as_in_its_stage(unlabelled):
    features = with_unlabelled(feature_set(noise=3))
    found = curve(features, Labels(sizes=[], draws=1), unlabelled=unlabelled, C=30.0)
    assert found["spread", 60, 0] == evaluate_spread(features, SPREAD, unlabelled).test.accuracy


def test_training_images_outside_a_subset_are_nodes_without_labels():
    features = with_unlabelled(feature_set(noise=3))
    X, y = features.select("train")
    (rows,) = nested_label_subsets(y, [2], 0)
    nodes = {
        "none": prepare_nodes(X[rows], SPREAD),
        "rest": prepare_nodes(np.concatenate([X, features.X[UNLABELLED]]), SPREAD),
        "test": prepare_nodes(np.concatenate([X, features.X["val"], features.X["test"]]), SPREAD),
    }
    unseen, actual = features.select("test")
    accuracies = set()
    for unlabelled, of in nodes.items():
        labelled = np.arange(6) if unlabelled == "none" else rows
        found = curve(features, Labels(sizes=[2], draws=1), RBF, unlabelled, C=30.0)["spread", 6, 0]
        assert found == (fit_layer(of, labelled, y[rows], 0.9).predict(unseen) == actual).mean()
        accuracies.add(found)
    assert len(accuracies) > 1


def test_probe_that_is_trained_by_sgd_has_no_curve():
    found = curve(feature_set(), Labels(sizes=[1], draws=1), solver="sgd")
    assert {name for name, *_ in found} == {"svm", "spread"}


@pytest.mark.usefixtures("features")
def test_stage_writes_the_curve_and_its_summary(world, capsys):
    world(**{"labels.sizes": [5], "labels.draws": 2, "svm.C": "auto"})
    run_curves()
    assert list(read_csv("plots/labels.csv")[0]) == ["classifier", "images", "draw", "accuracy"]
    summary = read_json("metrics/labels.json")
    assert (list(summary), len(summary)) == (sorted(summary), 4)
    assert [tuple(row.values())[:3] for row in read_csv("plots/labels.csv")] == [
        (name, images, draw) for name in summary for images, draw in (("15", "0"), ("15", "1"), ("60", "0"))
    ]
    for name, points in summary.items():
        accuracy = [float(row["accuracy"]) for row in read_csv("plots/labels.csv") if row["classifier"] == name]
        assert [(point["images"], point["draws"]) for point in points] == [(15, 2), (60, 1)]
        assert points[0]["mean"] == pytest.approx(np.mean(accuracy[:2]))
        assert (points[1]["mean"], points[1]["sd"], points[1]["se"]) == (1.0, None, None)
    pairs = read_json("metrics/label_pairs.json")["pairs"]
    assert [tuple(pair.values())[:4] for pair in pairs] == [
        (*names, images, draws) for names in combinations(summary, 2) for images, draws in ((15, 2), (60, 1))
    ]
    printed = capsys.readouterr().out
    assert "    60 images  1.000\n" in printed
    (first, *_) = summary["probe"]
    assert f"    15 images  {first['mean']:.3f} (sd {first['sd']:.3f}, se {first['se']:.3f}, 2 draws)\n" in printed
    assert "±" not in printed


@pytest.mark.usefixtures("features")
def test_bands_and_svm_have_the_features_that_they_have_in_their_own_stages(world):
    """Noise in the features of the network shows which curve uses what."""
    arrays = dict(np.load("data/features.npz"))
    rng = np.random.default_rng(0)
    noise = {key: rng.normal(size=X.shape) for key, X in arrays.items() if key.startswith("X_")}
    np.savez("data/features.npz", **arrays | {key: X.astype(np.float32) for key, X in noise.items()})
    accuracy = {}
    for features in (["deep"], ["bands"], ["deep", "bands"]):
        world(**{"labels.sizes": [10], "svm.features": features})
        run_curves()
        accuracy[tuple(features)] = {name: of[-1]["mean"] for name, of in read_json("metrics/labels.json").items()}
    assert all(found["bands"] == 1 for found in accuracy.values())
    assert accuracy["deep",]["svm"] < 0.7
    assert accuracy["bands",]["svm"] == 1
    assert accuracy["deep", "bands"]["svm"] > 0.8
    world(**{"labels.sizes": [10], "extract.features": "elsewhere.npz"})
    run_curves()
    assert "bands" not in read_json("metrics/labels.json")


def test_blocks_are_scaled_for_each_subset():
    """Noise of a large scale would hide the informative block, as it does without the scaling."""
    features = feature_set()
    rng = np.random.default_rng(0)
    X = {name: np.hstack([1000 * rng.normal(size=of.shape), of]).astype(np.float32) for name, of in features.X.items()}
    width = features.X["train"].shape[1]
    joined = FeatureSet(X, features.y, features.classes, blocks=(Block(width, True), Block(width, True)))
    labels = Labels(sizes=[10], draws=1)
    scaled = fit_svm_curve(joined, labels, RBF)
    assert min(fit.accuracy for fit in scaled) > 0.8
    assert scaled[-1].accuracy == evaluate_svm(joined, RBF).test.accuracy
    unscaled = fit_svm_curve(FeatureSet(X, features.y, features.classes), labels, RBF)
    assert max(fit.accuracy for fit in unscaled) < 0.7
