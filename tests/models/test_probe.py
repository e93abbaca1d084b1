import numpy as np
import pytest
from small_features import feature_set, with_labels, without_class_in_train

from eurosat_transfer.errors import UserError
from eurosat_transfer.io.csv_files import read_csv
from eurosat_transfer.io.json_files import read_json
from eurosat_transfer.models import probe as probes
from eurosat_transfer.models.probe import build_probe, evaluate_probe, fit_probe
from eurosat_transfer.parameters.probe import Probe
from eurosat_transfer.tensorflow_setup import keras, make_reproducible
from stages import probe


def parameters(**changes) -> Probe:
    return Probe(**{"lr": 0.1, "batch_size": 32, "epochs": 2, "seed": 0} | changes)


def untrained_predictions(X: np.ndarray, seed: int = 0) -> np.ndarray:
    """Predict by a probe with its initial weights."""
    make_reproducible(seed)
    return build_probe(X.shape[1], 3, 0.1).predict(X, verbose=0).argmax(axis=1)


def test_probe_is_one_softmax_layer_with_plain_sgd():
    model = build_probe(6, 3, 0.25)
    assert [weight.shape for weight in model.weights] == [(6, 3), (3,)]
    np.testing.assert_allclose(np.sum(model(np.ones((2, 6))), axis=1), 1, rtol=1e-6)
    assert isinstance(model.optimizer, keras.optimizers.SGD)
    assert float(model.optimizer.learning_rate) == 0.25
    assert float(model.optimizer.momentum) == 0


def test_probe_learns_classes_that_are_easy_to_separate():
    features = feature_set()
    found = evaluate_probe(features, parameters(epochs=10))
    assert found.results.val.accuracy == found.results.test.accuracy == 1.0
    assert found.results.test.actual.tolist() == features.y["test"].tolist()
    np.testing.assert_allclose(found.results.test.probabilities.sum(axis=1), 1, rtol=1e-5)
    assert found.results.chosen == {}
    loss = found.history.history["val_loss"]
    assert len(loss) == 10
    assert loss[-1] < loss[0]


@pytest.mark.slow
def test_validation_is_on_val():
    features = feature_set()
    wrong = with_labels(features, val=(features.y["val"] + 1) % 3)
    found = evaluate_probe(wrong, parameters(epochs=10))
    assert found.history.history["accuracy"][-1] == 1.0
    assert found.history.history["val_accuracy"][-1] == found.results.val.accuracy == 0.0


@pytest.mark.slow
def test_batch_size_and_epochs_set_the_number_of_steps():
    features = feature_set()
    model, _ = fit_probe(features.select("train"), None, 3, 0.1, parameters(batch_size=16, epochs=3))
    assert int(model.optimizer.iterations) == 3 * 4  # 60 rows are 4 batches


@pytest.mark.slow
def test_equal_seeds_give_equal_probes_and_other_seeds_others():
    features = feature_set()
    weights = [
        fit_probe(features.select("train"), None, 3, 0.1, parameters(seed=seed))[0].get_weights()[0].tobytes()
        for seed in (0, 0, 1)
    ]
    assert weights[0] == weights[1] != weights[2]


@pytest.mark.slow
def test_learning_rate_is_chosen_on_val(monkeypatch):
    """The labels of val are those that an untrained probe predicts, so that the rate without an effect is best."""
    monkeypatch.setattr(probes, "RATES", (0.3, 1e-9))
    features = feature_set()
    assert evaluate_probe(features, parameters(lr="auto")).results.chosen == {"lr": 0.3}
    untrained = with_labels(features, val=untrained_predictions(features.X["val"]))
    assert evaluate_probe(untrained, parameters(lr="auto")).results.chosen == {"lr": 1e-9}


@pytest.mark.slow
@pytest.mark.parametrize(("lr", "recall"), [(0.1, 0.0), ("auto", 1.0)])
def test_only_a_chosen_probe_is_trained_on_train_and_val_together(lr, recall, monkeypatch):
    """Only a probe that was also trained on val can predict a class that train does not have."""
    monkeypatch.setattr(probes, "RATES", (0.1,))
    found = evaluate_probe(without_class_in_train(feature_set(), missing=2), parameters(lr=lr, epochs=40)).results
    assert found.test.correct[found.test.actual == 2].mean() == recall
    assert found.val.correct[found.val.actual == 2].mean() == 0  # val is always predicted before the second training


@pytest.mark.slow
def test_stage_writes_results_and_learning_curve(world, features):
    world(**{"probe.epochs": 10})
    probe.main()
    assert read_json("metrics/probe.json")["test"]["accuracy"] == 1.0
    assert [row["epoch"] for row in read_csv("plots/probe_history.csv")] == [str(epoch) for epoch in range(1, 11)]
    assert len(read_csv("plots/probe_predictions.csv")) == len(features["y_test"])


@pytest.mark.slow
@pytest.mark.usefixtures("features")
def test_diverged_training_is_reported(world):
    world(**{"probe.lr": 1e38})
    with pytest.raises(UserError, match="training diverged"):
        probe.main()
