import numpy as np
import pytest

from eurosat_transfer.data.digits import Digits
from eurosat_transfer.errors import UserError
from eurosat_transfer.io.csv_files import read_csv
from eurosat_transfer.io.json_files import read_json
from eurosat_transfer.models.activations import (
    Training,
    choose_rate,
    compare_activations,
    first_low_mean,
    measure_accuracies,
    reported_seeds,
    steps_per_epoch,
    train_together,
    tuning_seeds,
)
from eurosat_transfer.models.stacked_networks import FILTERS, INITIALISERS, compute_logits, initial_weights
from eurosat_transfer.parameters.activations import Activations
from eurosat_transfer.tensorflow_setup import keras
from stages import activations


def parameters(**changes) -> Activations:
    settings = {
        "data": "digits",
        "hidden": 8,
        "initialisation": "glorot",
        "rates": [0.5],
        "tuning_seeds": 2,
        "seeds": 3,
        "batch_size": 16,
        "max_epochs": 3,
        "loss": 0.1,
        "seed": 0,
    }
    return Activations(**settings | changes)


def two_digits(count: int = 40) -> Digits:
    """Draw dark images of the digit 0 and bright ones of the digit 1."""
    rng = np.random.default_rng(0)
    y = np.arange(count) % 2
    X = (rng.uniform(0, 0.4, (count, 4, 4, 1)) + 0.6 * y[:, None, None, None]).astype(np.float32)
    return Digits(X, X[:10], y, y[:10])


def keras_network(network: str, activation: str, side: int, hidden: int) -> keras.Model:
    """Build a network of the same architecture from the layers of Keras."""
    layers = [keras.Input((side, side, 1))]
    if network == "convnet":
        for filters in FILTERS:
            layers += [keras.layers.Conv2D(filters, 3, padding="same", activation=activation), keras.layers.MaxPool2D()]
    layers += [keras.layers.Flatten(), keras.layers.Dense(hidden, activation=activation), keras.layers.Dense(10)]
    return keras.Sequential(layers)


@pytest.mark.parametrize("side", [8, 7])
@pytest.mark.parametrize("activation", ["sigmoid", "relu"])
@pytest.mark.parametrize("network", ["mlp", "convnet"])
def test_each_network_of_a_stack_computes_what_the_same_layers_of_keras_compute(network, activation, side):
    rng = np.random.default_rng(0)
    X = rng.uniform(size=(2, 5, side, side, 1)).astype(np.float32)
    stack = [
        np.concatenate(layer) + rng.normal(0, 0.1, layer[0].shape).astype(np.float32)  # biases other than 0
        for layer in zip(*(initial_weights(network, side, 20, "glorot", seed) for seed in (0, 1)), strict=True)
    ]
    logits = compute_logits(stack, activation, X)
    for number in (0, 1):
        model = keras_network(network, activation, side, 20)
        model.set_weights([w[number].reshape(v.shape) for w, v in zip(stack, model.weights, strict=True)])
        np.testing.assert_allclose(logits[number], model(X[number]), atol=1e-5)


@pytest.mark.parametrize("initialisation", INITIALISERS)
def test_initial_weights_have_the_range_of_their_initialisation(initialisation):
    kernel, bias, *_ = initial_weights("convnet", 8, 20, initialisation, seed=3)
    fan_in, fan_out = 9, 9 * FILTERS[0]
    limit = np.sqrt(6 / fan_in) if initialisation == "he" else np.sqrt(6 / (fan_in + fan_out))
    assert 0.9 * limit < np.abs(kernel).max() <= limit
    assert not bias.any()
    np.testing.assert_array_equal(kernel, initial_weights("convnet", 8, 20, initialisation, seed=3)[0])
    assert (kernel != initial_weights("convnet", 8, 20, initialisation, seed=4)[0]).any()


@pytest.mark.parametrize(("batch_size", "steps"), [(1, 40), (16, 2), (20, 2), (64, 1)])
def test_an_epoch_leaves_out_images_that_do_not_fill_a_batch(batch_size, steps):
    assert steps_per_epoch(two_digits(), parameters(batch_size=batch_size)) == steps


def test_the_moving_mean_of_the_loss_decides_when_a_network_has_converged():
    losses = np.array([[9, 3, 1, 1, 1], [9, 9, 1, 4, 9], [2, 2, 2, 9, 9], [np.nan] * 5])
    assert first_low_mean(losses, 2, 2).tolist() == [3, 0, 2, 0]


def test_training_ends_when_all_networks_of_a_rate_have_converged():
    params = parameters(max_epochs=60, loss=0.3)
    trained = train_together("mlp", "relu", [1e-6, 0.5], [0, 1, 2], two_digits(), params)
    slow, fast = trained[1e-6], trained[0.5]
    assert slow.iterations == [None] * 3
    assert None not in fast.iterations
    epochs = len(slow.losses[0])
    assert epochs == -(-max(fast.iterations) // 2) < 60
    assert [len(losses) for losses in fast.losses] == [-(-steps // 2) for steps in fast.iterations]
    assert all(losses[-1] > 0.3 for losses in slow.losses)


def test_networks_that_are_trained_together_do_not_affect_each_other():
    params, data = parameters(max_epochs=4, loss=1e-9), two_digits()
    together = train_together("mlp", "sigmoid", [0.5, 1e38], [0, 1], data, params)[0.5]
    alone = [train_together("mlp", "sigmoid", [0.5], [seed], data, params)[0.5] for seed in (0, 1)]
    np.testing.assert_allclose(together.losses, [training.losses[0] for training in alone], rtol=1e-5)
    assert together.losses[0] != together.losses[1]


def test_each_seed_has_initial_weights_of_its_own():
    trained = train_together("mlp", "relu", [1e-30], [3, 4], two_digits(), parameters(max_epochs=1))[1e-30]
    for number, seed in enumerate((3, 4)):
        np.testing.assert_allclose(trained.weights[0][number], initial_weights("mlp", 4, 8, "glorot", seed)[0][0])


def test_a_network_keeps_its_weights_once_it_has_converged():
    data, seeds = two_digits(), [0, 1, 2, 3]
    trained = train_together("mlp", "relu", [0.5], seeds, data, parameters(max_epochs=60, loss=0.3))[0.5]
    first = int(np.argmin(trained.iterations))
    assert trained.iterations[first] + 2 < max(trained.iterations)  # the others learn for an epoch or more after it
    alone = train_together("mlp", "relu", [0.5], [seeds[first]], data, parameters(max_epochs=60, loss=0.3))[0.5]
    for together, own in zip(trained.weights, alone.weights, strict=True):
        np.testing.assert_allclose(together[first], own[0], rtol=1e-4, atol=1e-6)


def test_the_networks_learn_to_tell_digits_apart():
    data = two_digits()
    trained = train_together("mlp", "relu", [0.5], [0, 1], data, parameters(max_epochs=60, loss=0.3))[0.5]
    assert measure_accuracies(trained.weights, "relu", data) == [1.0, 1.0]
    swapped = data._replace(y_test=1 - data.y_test)
    assert measure_accuracies(trained.weights, "relu", swapped) == [0.0, 0.0]


def training(iterations: list[int | None], loss: float = 1.0) -> Training:
    return Training(iterations, [[loss] for _ in iterations], [])


@pytest.mark.parametrize(
    ("tried", "best"),
    [
        ({0.1: training([100, 300]), 0.2: training([250, 260]), 0.4: training([50, None])}, 0.2),
        ({0.1: training([None, None], 0.1), 0.2: training([None, 300], 0.2)}, 0.2),
        ({0.1: training([None], 2.3), 0.2: training([None], 0.2), 0.4: training([None], float("nan"))}, 0.2),
    ],
    ids=["the slowest seed decides", "converged seeds decide", "the loss decides"],
)
def test_the_best_rate_is_chosen_by_its_slowest_network(tried, best):
    assert choose_rate(tried) == best


def test_no_seed_both_chooses_the_rate_and_is_reported():
    params = parameters(seed=7)
    assert (reported_seeds(params), tuning_seeds(params)) == ([7, 8, 9], [10, 11])


@pytest.mark.slow
def test_trainings_that_all_diverge_are_reported():
    message = r"activations\.rates: the training of mlp with sigmoid diverged at 1e\+38, .* add smaller ones"
    with pytest.raises(UserError, match=message):
        compare_activations(two_digits(), parameters(rates=[1e38]))


@pytest.mark.slow
def test_stage_reports_the_best_rate_with_its_spread(world):
    world(**{
        "activations.max_epochs": 3,
        "activations.loss": 1.0,
        "activations.rates": [1e-6, 0.5],
        "activations.tuning_seeds": 1,
    })  # fmt: skip
    activations.main()
    figures = read_json("metrics/activations.json")
    assert {network: set(found) for network, found in figures.items()} == {
        "mlp": {"sigmoid", "relu", "ratio"},
        "convnet": {"sigmoid", "relu", "ratio"},
    }
    relu = figures["mlp"]["relu"]
    assert (relu["rate"], relu["rate_at_end"], relu["initialisation"]) == (0.5, True, "glorot")
    assert (relu["seeds"], relu["converged"]) == (2, 2)
    assert figures["convnet"]["sigmoid"]["converged"] == 0  # its loss falls late
    assert figures["convnet"]["ratio"] is None
    curve = [row for row in read_csv("plots/activations.csv") if (row["network"], row["activation"]) == ("mlp", "relu")]
    assert {(row["rate"], row["seed"]) for row in curve} == {("0.5", "0"), ("0.5", "1")}
    assert all(int(row["iteration"]) % 44 == 0 for row in curve)  # 1,437 digits have 44 batches of 32
    tried = [row for row in read_csv("plots/activation_rates.csv") if row["network"] == "mlp"]
    assert {(row["activation"], float(row["rate"]), row["seed"]) for row in tried} == {
        (activation, rate, "2") for activation in ("sigmoid", "relu") for rate in (1e-6, 0.5)
    }


@pytest.mark.slow
def test_mnist_without_a_network_is_reported_in_one_line(world, monkeypatch):
    from eurosat_transfer.data.tfds import tfds  # late: it takes a second to import

    world(**{"activations.data": "mnist"})
    monkeypatch.setattr(tfds.image_classification.MNIST, "URL", "http://127.0.0.1:9/")  # where nobody listens
    with pytest.raises(UserError, match=r"^activations\.data=mnist: .* Connection refused.*digits$"):
        activations.main()
