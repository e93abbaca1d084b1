import numpy as np
import pytest
from small_features import feature_set, with_labels

from eurosat_transfer.errors import UserError
from eurosat_transfer.io.csv_files import read_csv
from eurosat_transfer.io.json_files import read_json
from eurosat_transfer.models import logistic_regression
from eurosat_transfer.models import probe as probes
from eurosat_transfer.models.logistic_regression import PENALTIES, fit_logistic_regression
from eurosat_transfer.models.probe import evaluate_probe
from eurosat_transfer.parameters.probe import Probe
from stages import probe


def parameters(**changes) -> Probe:
    return Probe(**{"solver": "lbfgs", "C": 30.0, "lr": 0.1, "batch_size": 32, "epochs": 2, "seed": 0} | changes)


@pytest.mark.parametrize("solver", ["lbfgs", pytest.param("sgd", marks=pytest.mark.slow)])
def test_probe_learns_classes_that_are_easy_to_separate(solver):
    features = feature_set()
    found = evaluate_probe(features, parameters(solver=solver, epochs=10))
    assert found.results.val.accuracy == found.results.test.accuracy == 1.0
    assert found.results.test.actual.tolist() == features.y["test"].tolist()
    np.testing.assert_allclose(found.results.test.probabilities.sum(axis=1), 1, rtol=1e-5)
    assert found.results.chosen == {}
    assert found.results.training_labels == 60
    assert found.history[-1].val_loss < found.history[0].val_loss


@pytest.mark.parametrize("solver", ["lbfgs", pytest.param("sgd", marks=pytest.mark.slow)])
def test_validation_is_on_val(solver):
    features = feature_set()
    wrong = with_labels(features, val=(features.y["val"] + 1) % 3)
    found = evaluate_probe(wrong, parameters(solver=solver, epochs=10))
    last = found.history[-1]
    assert (last.accuracy, last.val_accuracy, found.results.val.accuracy) == (1.0, 0.0, 0.0)
    assert last.val_loss > last.loss


def test_test_is_predicted_by_the_converged_layer():
    features = feature_set(noise=2)
    layer, iterations = fit_logistic_regression(*features.select("train"), 30.0)
    found = evaluate_probe(features, parameters())
    assert found.results.test.probabilities.tobytes() == layer.probabilities(features.X["test"], 3).tobytes()
    assert found.history[-1].epoch == iterations


def test_penalty_is_chosen_on_train_only():
    features = feature_set(noise=2)
    other = with_labels(features, **{s: (features.y[s] + 1) % 3 for s in ("val", "test")})
    results = [evaluate_probe(each, parameters(C="auto")).results for each in (features, other)]
    assert results[0].chosen == results[1].chosen
    assert results[0].chosen["C"] in PENALTIES
    assert results[0].training_labels == 60


def test_penalty_changes_the_probabilities():
    weak, strong = (evaluate_probe(feature_set(2), parameters(C=C)).results.test.probabilities for C in (1.0, 1000.0))
    assert weak.max(axis=1).mean() < strong.max(axis=1).mean()


def test_training_that_has_not_converged_is_reported(monkeypatch, capsys):
    monkeypatch.setattr(probes, "MAX_ITERATIONS", 5)
    monkeypatch.setattr(logistic_regression.fit_logistic_regression, "__defaults__", (1e-6, 5))
    evaluate_probe(feature_set(noise=2), parameters())
    assert "probe.C=30: the probe has not converged after 5 iterations; set a smaller C" in capsys.readouterr().out


@pytest.mark.usefixtures("features")
def test_stage_writes_results_and_learning_curve(world, features):
    world()
    probe.main()
    metrics = read_json("metrics/probe.json")
    assert metrics["test"]["accuracy"] == 1.0
    assert metrics["chosen"]["C"] in PENALTIES
    assert [row["epoch"] for row in read_csv("plots/probe_history.csv")][:4] == ["1", "2", "4", "8"]
    assert len(read_csv("plots/probe_predictions.csv")) == len(features["y_test"])


@pytest.mark.slow
@pytest.mark.usefixtures("features")
def test_stage_writes_one_row_per_epoch_of_sgd(world):
    world(**{"probe.solver": "sgd", "probe.epochs": 10})
    probe.main()
    assert "chosen" not in read_json("metrics/probe.json")
    assert [row["epoch"] for row in read_csv("plots/probe_history.csv")] == [str(epoch) for epoch in range(1, 11)]


@pytest.mark.slow
@pytest.mark.usefixtures("features")
def test_diverged_training_is_reported(world):
    world(**{"probe.solver": "sgd", "probe.lr": 1e38})
    with pytest.raises(UserError, match="training diverged"):
        probe.main()
