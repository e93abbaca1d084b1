import numpy as np
import pytest

from stages import probe
from stages.common.files import read_csv, read_json
from stages.common.linear_probe import RATES
from stages.common.stage import UserError


def test_it_learns_what_is_easy_and_shows_how(world, features):
    world(**{"probe.epochs": 10})
    probe.main()
    assert read_json("metrics/probe.json")["test"]["accuracy"] == 1.0
    history = read_csv("plots/probe_history.csv")
    assert [row["epoch"] for row in history] == [str(epoch) for epoch in range(1, 11)]
    assert float(history[-1]["val_loss"]) < float(history[0]["val_loss"])
    assert len(read_csv("plots/probe_predictions.csv")) == len(features["y_test"])


@pytest.mark.usefixtures("features")
def test_it_reproduces_to_the_bit(world):
    results = []
    for _ in range(2):
        probe.main()
        results.append((world() / "plots/probe_history.csv").read_bytes())
    assert results[0] == results[1]


@pytest.mark.usefixtures("features")
def test_divergence_is_said(world):
    world(**{"probe.lr": 1e38})
    with pytest.raises(UserError, match="training diverged"):
        probe.main()


@pytest.mark.usefixtures("features")
def test_auto_takes_the_rate_that_does_best_on_val(world):
    world(**{"probe.lr": "auto", "probe.epochs": 3})
    probe.main()
    figures = read_json("metrics/probe.json")
    chosen, accuracy = figures["chosen"]["lr"], figures["val"]["accuracy"]
    for rate in RATES:
        world(**{"probe.lr": rate, "probe.epochs": 3})
        probe.main()
        figures = read_json("metrics/probe.json")
        assert "chosen" not in figures
        assert figures["val"]["accuracy"] <= accuracy
        if rate == chosen:
            assert figures["val"]["accuracy"] == accuracy


def test_auto_refits_on_train_and_val_and_never_asks_the_test_set(world, features, monkeypatch):
    """A class that is labelled only in val can be predicted only by who was trained on val too."""
    monkeypatch.setattr("stages.probe.RATES", (0.1,))
    of_c, of_b = features["y_train"] == 2, features["y_train"] == 1
    features["X_train"][of_c], features["y_train"][of_c] = features["X_train"][of_b], 1
    np.savez("data/features.npz", **features, classes=np.array(["a", "b", "c"]))
    for lr, right in ((0.1, 0.0), ("auto", 1.0)):
        world(**{"probe.lr": lr, "probe.epochs": 40})
        probe.main()
        said = [row["predicted"] == "c" for row in read_csv("plots/probe_predictions.csv")]
        assert np.array(said)[features["y_test"] == 2].mean() == right


def test_the_test_set_has_no_say_in_the_choice(world, features):
    world(**{"probe.lr": "auto", "probe.epochs": 2})
    chosen = []
    for labels in (features["y_test"], (features["y_test"] + 1) % 3):
        np.savez("data/features.npz", **features | {"y_test": labels}, classes=np.array(["a", "b", "c"]))
        probe.main()
        chosen.append(read_json("metrics/probe.json")["chosen"])
    assert chosen[0] == chosen[1]
