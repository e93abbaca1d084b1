import numpy as np
import pytest

from eurosat_transfer.data.digits import Digits
from eurosat_transfer.errors import UserError
from eurosat_transfer.io.csv_files import read_csv
from eurosat_transfer.io.json_files import read_json
from eurosat_transfer.models.activations import StopAtLoss, build_network, steps_per_epoch, train_until_converged
from eurosat_transfer.parameters.activations import Activations
from eurosat_transfer.tensorflow_setup import keras
from stages import activations


def parameters(**changes) -> Activations:
    settings = {"data": "digits", "hidden": 8, "lr": 0.5, "batch_size": 16, "max_epochs": 3, "loss": 0.1, "seed": 0}
    return Activations(**settings | changes)


def two_digits(count: int = 40) -> Digits:
    """Draw dark images of the digit 0 and bright ones of the digit 1."""
    rng = np.random.default_rng(0)
    y = np.arange(count) % 2
    X = (rng.uniform(0, 0.4, (count, 4, 4, 1)) + 0.6 * y[:, None, None, None]).astype(np.float32)
    return Digits(X, X[:10], y, y[:10])


@pytest.mark.parametrize("activation", ["sigmoid", "relu"])
def test_networks_have_the_given_layers(activation):
    mlp, convnet = (build_network(network, activation, 8, 20) for network in ("mlp", "convnet"))
    assert [layer.units for layer in mlp.layers if isinstance(layer, keras.layers.Dense)] == [20, 10]
    assert [layer.filters for layer in convnet.layers if isinstance(layer, keras.layers.Conv2D)] == [16, 32]
    for model in (mlp, convnet):
        assert model.output_shape == (None, 10)
        used = [layer.activation.__name__ for layer in model.layers if hasattr(layer, "activation")]
        assert used == [activation] * (len(used) - 1) + ["softmax"]


@pytest.mark.parametrize(("batch_size", "steps"), [(1, 40), (16, 3), (20, 2), (64, 1)])
def test_last_batch_of_an_epoch_can_be_smaller(batch_size, steps):
    assert steps_per_epoch(two_digits(), parameters(batch_size=batch_size)) == steps


@pytest.mark.parametrize(("loss", "stops"), [(0.2, False), (0.1, True), (0.05, True)])
def test_training_stops_at_or_below_the_target_loss(loss, stops):
    stop = StopAtLoss(0.1)
    stop.set_model(keras.Sequential())
    stop.on_epoch_end(0, {"loss": loss})
    assert stop.reached is stop.model.stop_training is stops


def test_iterations_are_the_steps_until_the_target_loss():
    found = train_until_converged("mlp", "relu", two_digits(), parameters(max_epochs=50, loss=0.3))
    assert 1 < len(found.losses) < 50
    assert found.losses[-1] <= 0.3 < found.losses[-2]
    assert found.iterations == 3 * len(found.losses)
    assert found.test_accuracy == 1.0


@pytest.mark.slow
def test_network_that_does_not_converge_has_no_number_of_iterations():
    found = train_until_converged("convnet", "sigmoid", two_digits(), parameters(max_epochs=2, loss=1e-6))
    assert found.iterations is None
    assert len(found.losses) == 2


@pytest.mark.slow
def test_diverged_training_is_reported():
    with pytest.raises(UserError, match=r"activations\.lr=1e\+38 is too large: the training of mlp with relu diverged"):
        train_until_converged("mlp", "relu", two_digits(), parameters(lr=1e38))


@pytest.mark.slow
def test_stage_compares_four_networks(world):
    world(**{"activations.max_epochs": 4, "activations.loss": 1.0})
    activations.main()
    figures = read_json("metrics/activations.json")
    assert {network: set(found) for network, found in figures.items()} == {
        "mlp": {"sigmoid", "relu"},
        "convnet": {"sigmoid", "relu"},
    }
    assert figures["convnet"]["sigmoid"]["iterations"] is None  # its loss falls late
    assert figures["mlp"]["relu"]["iterations"] % 45 == 0  # 1,437 digits are 45 batches of 32
    curve = [row for row in read_csv("plots/activations.csv") if (row["network"], row["activation"]) == ("mlp", "relu")]
    assert int(curve[-1]["iteration"]) == figures["mlp"]["relu"]["iterations"]
    assert float(curve[-1]["loss"]) <= 1.0 < float(curve[0]["loss"])


@pytest.mark.slow
def test_mnist_without_a_network_is_reported_in_one_line(world, monkeypatch):
    from eurosat_transfer.data.tfds import tfds  # late: it takes a second to import

    def unreachable(*_, **__):
        raise tfds.download.DownloadError("no route\nto host")

    world(**{"activations.data": "mnist"})
    monkeypatch.setattr(tfds, "load", unreachable)
    with pytest.raises(UserError, match=r"^activations\.data=mnist: .* no route to host.*digits$"):
        activations.main()
