import numpy as np
import pytest
from small_training import finetune_parameters, small_network

from eurosat_transfer.models.optimizers import build_optimizer, learning_rate_schedule
from eurosat_transfer.tensorflow_setup import keras, tf

LEARNS = {"optimizer": "sgd", "lr": 1.0}


def learning_rates(schedule, *steps) -> list[float]:
    return [float(schedule(step)) for step in steps]


def test_learning_rate_rises_and_then_falls_along_a_cosine():
    schedule = learning_rate_schedule(0.5, steps=220, warmup=20, cosine=True)
    assert learning_rates(schedule, 0, 10, 20, 120, 220) == pytest.approx([0, 0.25, 0.5, 0.25, 0], abs=1e-7)


def test_learning_rate_without_warmup_starts_at_its_highest_value():
    schedule = learning_rate_schedule(0.5, steps=200, warmup=0, cosine=True)
    assert learning_rates(schedule, 0, 100, 200) == pytest.approx([0.5, 0.25, 0], abs=1e-7)


def test_learning_rate_stays_constant_without_a_cosine():
    assert learning_rates(learning_rate_schedule(0.5, 200, 0, cosine=False), 0, 199) == [0.5, 0.5]
    rising = learning_rate_schedule(0.5, 200, 20, cosine=False)
    assert learning_rates(rising, 10, 20, 199) == pytest.approx([0.25, 0.5, 0.5])


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"schedule": "constant"}, [0.5, 0.5, 0.5]),
        ({"schedule": "cosine"}, [0.5, 0.25, 0]),
        ({"schedule": "constant", "warmup_epochs": 5}, [0, 0.5, 0.5]),
        ({"schedule": "cosine", "warmup_epochs": 5}, [0, 0.5, 0]),
    ],
)
def test_optimizer_follows_the_schedule_over_all_epochs(changes, expected):
    optimizer = build_optimizer(finetune_parameters(lr=0.5, epochs=10, **changes), 20, [])
    rates = []
    for step in (0, 100, 200):
        optimizer.iterations.assign(step)
        rates.append(float(optimizer.learning_rate))
    assert rates == pytest.approx(expected, abs=1e-7)


def test_optimizer_is_the_named_one():
    named = {"sgd": keras.optimizers.SGD, "adamw": keras.optimizers.AdamW}
    for name, kind in named.items():
        assert type(build_optimizer(finetune_parameters(optimizer=name), 1, [])) is kind


def updates(gradients: list, start: float, steps: int = 1, **changes) -> list:
    """Apply the same gradients several times to variables that start at one value, and return how each has changed."""
    variables = [keras.Variable(tf.fill(tf.shape(gradient), start)) for gradient in gradients]
    optimizer = build_optimizer(finetune_parameters(**changes), 1000, variables)
    for _ in range(steps):
        optimizer.apply(gradients, variables)
    return [(variable - start).numpy() for variable in variables]


def test_sgd_uses_momentum():
    (plain,) = updates([tf.constant([1.0])], 0.0, steps=3, **LEARNS)
    (momentum,) = updates([tf.constant([1.0])], 0.0, steps=3, **LEARNS, momentum=0.5)
    assert (plain, momentum) == (pytest.approx([-3]), pytest.approx([-(1 + 1.5 + 1.75)]))


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_weight_decay_shrinks_kernels_that_have_no_gradient(optimizer):
    no_gradient = [tf.zeros((1, 2))]
    for weight_decay, change in ((0.0, 0.0), (0.25, -0.5 * 0.25 * 2)):
        (changed,) = updates(no_gradient, 2.0, optimizer=optimizer, lr=0.5, weight_decay=weight_decay)
        assert changed == pytest.approx(np.array([[change, change]]))


def trained_weights(optimizer: str, weight_decay: float) -> dict[str, np.ndarray]:
    """Take two training steps that have no gradient: all images are black, so only the weight decay can act."""
    network = small_network()
    model = keras.Model(network.input, keras.layers.Dense(2, name="label")(network.output))
    for weight in model.trainable_weights:
        weight.assign(tf.fill(weight.shape, 2.0))
    params = finetune_parameters(optimizer=optimizer, lr=0.5, weight_decay=weight_decay)
    # The loss is constant, and its gradient is 0 for every weight.
    model.compile(build_optimizer(params, 1000, model.trainable_variables), lambda _, outputs: 0.0 * outputs)
    images = np.zeros((8, *model.input_shape[1:]), np.float32)
    model.fit(images, np.zeros(8), batch_size=4, epochs=1, verbose=0)
    return {weight.path: weight.numpy() for weight in model.trainable_weights}


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_training_decays_kernels_but_neither_biases_nor_batch_normalisation(optimizer):
    weights = trained_weights(optimizer, weight_decay=0.25)
    kinds = {path: path.rpartition("/")[2] for path in weights}
    assert sorted(kinds.values()) == ["beta", "bias", "bias", "gamma", "kernel", "kernel"]
    for path, values in weights.items():
        expected = 2 * (1 - 0.5 * 0.25) ** 2 if kinds[path] == "kernel" else 2
        np.testing.assert_allclose(values, expected, rtol=1e-6, err_msg=path)


def test_clipnorm_clips_the_norm_of_all_gradients_together():
    gradients = [tf.constant([30.0, 0.0]), tf.constant([-40.0])]  # their norm is 50
    assert updates(gradients, 0.0, **LEARNS) == [pytest.approx([-30, 0]), pytest.approx([40])]
    assert updates(gradients, 0.0, **LEARNS, clipnorm=5.0) == [pytest.approx([-3, 0]), pytest.approx([4])]
    assert updates(gradients, 0.0, **LEARNS, clipnorm=500.0) == [pytest.approx([-30, 0]), pytest.approx([40])]


def test_clipnorm_also_clips_for_adamw():
    """Adam divides by the size of the gradients, so clipping shows only if the gradients change."""
    optimizers = [
        build_optimizer(finetune_parameters(optimizer="adamw", lr=1.0, clipnorm=c), 10, []) for c in (None, 1.0)
    ]
    changes = []
    for optimizer in optimizers:
        variable = keras.Variable([0.0])
        for gradient in (1000.0, 1.0):
            optimizer.apply([tf.constant([gradient])], [variable])
        changes.append(float(variable[0]))
    assert changes[1] == pytest.approx(-2, abs=1e-3)  # two equal gradients: two full steps
    assert changes[0] > -1.9
