import pytest

from stages import probe
from stages.common.files import read_csv, read_json
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
