import numpy as np
import pytest
from small_features import feature_set, with_labels

from eurosat_transfer.data.label_subsets import nested_label_subsets
from eurosat_transfer.errors import UserError
from eurosat_transfer.features.feature_set import FeatureSet
from eurosat_transfer.io.csv_files import read_csv
from eurosat_transfer.io.json_files import read_json
from eurosat_transfer.models import label_curve
from eurosat_transfer.models.label_curve import ProbeTrainer, fit_label_curve
from eurosat_transfer.models.svm import choose_penalty, fit_svm
from eurosat_transfer.parameters.labels import Labels
from eurosat_transfer.parameters.probe import Probe
from eurosat_transfer.parameters.svm import Svm
from stages import labels

RBF = {"kernel": "rbf", "C": 10}


def probe_parameters(**changes) -> Probe:
    return Probe(**{"lr": 0.1, "batch_size": 32, "epochs": 2, "seed": 0} | changes)


def curve(features: FeatureSet, labels: Labels, svm=RBF, **probe) -> dict[tuple[str, int, int], float]:
    """Fit a label curve: accuracy by classifier, number of images and draw."""
    fits = fit_label_curve(features, labels, Svm(**svm), probe_parameters(**probe))
    assert fits == sorted(fits)
    found = {(fit.classifier, fit.images, fit.draw): fit.accuracy for fit in fits}
    assert len(found) == len(fits)
    return found


@pytest.mark.slow
def test_curve_has_every_subset_of_every_draw_and_all_images_once():
    found = curve(feature_set(), Labels(sizes=[1, 5, 1000], draws=2), epochs=10)
    assert set(found) == {
        (name, images, draw)
        for name in ("svm", "probe")
        for images, draw in ((3, 0), (3, 1), (15, 0), (15, 1), (60, 0))
    }
    assert found["svm", 60, 0] == found["probe", 60, 0] == 1.0


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [[], [20]])
def test_all_images_are_fitted_once(sizes):
    features = feature_set()
    wrong = with_labels(features, test=(features.y["test"] + 1) % 3)
    found = curve(wrong, Labels(sizes=sizes, draws=1), epochs=10)
    assert found == {("svm", 60, 0): 0.0, ("probe", 60, 0): 0.0}  # measured on test, where every label is wrong


@pytest.mark.slow
def test_support_vector_machine_is_fitted_on_the_rows_of_each_draw():
    features = feature_set(noise=3)
    found = curve(features, Labels(sizes=[3, 10], draws=3), epochs=1)
    for draw in range(3):
        for rows in nested_label_subsets(features.y["train"], [3, 10], draw):
            X, y = features.X["train"][rows], features.y["train"][rows]
            expected = fit_svm(X, y, "rbf", 10).score(*features.select("test"))
            assert found["svm", len(rows), draw] == expected
    assert len({found["svm", 9, draw] for draw in range(3)}) > 1


@pytest.mark.slow
def test_penalty_is_chosen_for_each_subset():
    features = feature_set(noise=3, seed=10)
    found = curve(features, Labels(sizes=[3], draws=1), {"kernel": "rbf", "C": "auto"}, epochs=1)
    (rows,) = nested_label_subsets(features.y["train"], [3], 0)
    part = features.with_train_rows(rows)
    penalties = [choose_penalty(each, "rbf") for each in (part, features)]
    expected, with_other_penalty = (
        fit_svm(*part.select("train"), "rbf", C).score(*part.select("test")) for C in penalties
    )
    assert found["svm", 9, 0] == expected != with_other_penalty


def test_learning_rate_of_the_probe_is_chosen_on_val(monkeypatch):
    """The labels of val are those that the untrained probe predicts, so that the rate without an effect is best."""
    monkeypatch.setattr(label_curve, "RATES", (0.3, 1e-9))
    features = feature_set()
    assert ProbeTrainer(features, probe_parameters(lr="auto", epochs=10)).test_accuracy(features) == 1.0
    trainer = ProbeTrainer(features, probe_parameters(lr="auto", epochs=10))
    val, test = (trainer.model.predict(features.X[s], verbose=0).argmax(axis=1) for s in ("val", "test"))
    accuracy = float((test == features.y["test"]).mean())
    assert accuracy < 0.9
    assert trainer.test_accuracy(with_labels(features, val=val)) == accuracy


def gradient_descent(
    weights: list[np.ndarray], X: np.ndarray, y: np.ndarray, lr: float, steps: int
) -> list[np.ndarray]:
    """Train a softmax layer on all rows in every step."""
    kernel, bias = (weight.astype(float) for weight in weights)
    for _ in range(steps):
        scores = np.exp(X @ kernel + bias)
        error = (scores / scores.sum(axis=1, keepdims=True) - np.eye(len(bias))[y]) / len(y)
        kernel, bias = kernel - lr * X.T @ error, bias - lr * error.sum(axis=0)
    return [kernel, bias]


def test_probe_takes_as_many_steps_on_a_subset_as_on_all_images():
    """The subset has as many rows as a batch, so that each step is on all of its rows."""
    features = feature_set()
    part = features.with_train_rows(np.arange(20))
    trainer = ProbeTrainer(features, probe_parameters(epochs=7, batch_size=20))
    expected = gradient_descent(trainer.model.get_weights(), *part.select("train"), lr=0.1, steps=7 * 3)
    trainer.test_accuracy(part)
    assert int(trainer.model.optimizer.iterations) == 7 * 3  # 60 images are 3 batches
    for found, weights in zip(trainer.model.get_weights(), expected, strict=True):
        np.testing.assert_allclose(found, weights, atol=1e-5)


@pytest.mark.slow
def test_earlier_trainings_do_not_change_a_probe():
    features = feature_set()
    part, trainer, weights = features.with_train_rows(np.arange(6)), ProbeTrainer(features, probe_parameters()), []
    for train in (part, features, part):
        trainer.test_accuracy(train)
        weights.append([weight.tobytes() for weight in trainer.model.get_weights()])
    assert weights[0] == weights[2] != weights[1]


@pytest.mark.slow
def test_diverged_probe_is_reported():
    features = feature_set()
    with pytest.raises(UserError, match=r"probe\.lr=1e\+38 is too large: the training on 60 images diverged"):
        ProbeTrainer(features, probe_parameters(lr=1e38)).test_accuracy(features)


@pytest.mark.slow
@pytest.mark.usefixtures("features")
def test_stage_writes_the_curve_and_its_summary(world):
    world(**{"labels.sizes": [5], "labels.draws": 2, "svm.C": "auto", "probe.lr": "auto", "probe.epochs": 10})
    labels.main()
    assert [tuple(row.values())[:3] for row in read_csv("plots/labels.csv")] == [
        (name, images, draw) for name in ("probe", "svm") for images, draw in (("15", "0"), ("15", "1"), ("60", "0"))
    ]
    for name, points in read_json("metrics/labels.json").items():
        accuracy = [float(row["accuracy"]) for row in read_csv("plots/labels.csv") if row["classifier"] == name]
        assert [point["images"] for point in points] == [15, 60]
        assert points[0]["mean"] == pytest.approx(np.mean(accuracy[:2]))
        assert points[1] == {"images": 60, "mean": 1.0, "sd": 0.0}
