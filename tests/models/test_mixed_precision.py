import numpy as np
from small_training import SIZE, small_network

from eurosat_transfer.models.mixed_precision import copy_in_bfloat16
from eurosat_transfer.tensorflow_setup import keras


def classifier() -> keras.Model:
    """Build a network with batch normalisation, a frozen layer, a momentum of its own, and nested new layers."""
    keras.utils.set_random_seed(3)
    network = small_network()
    network.layers[1].trainable = False
    network.layers[2].momentum = 0.5
    head = keras.Sequential(
        [keras.layers.Dropout(0.2, seed=0), keras.layers.Dense(2, activation="softmax", dtype="float32")]
    )
    return keras.Model(network.input, head(network.output))


def images(count: int = 6) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(count, SIZE, SIZE, 3)).astype(np.float32)


def test_copy_computes_in_bfloat16_and_keeps_its_weights_in_float32():
    model = classifier()
    copied = copy_in_bfloat16(model)
    exact, rounded = model(images(), training=False).numpy(), copied(images(), training=False).numpy()
    assert rounded.dtype == np.float32  # of the softmax
    assert 0 < np.abs(exact - rounded).max() < 0.02
    assert {layer.compute_dtype for layer in copied.layers[1:-1]} == {"bfloat16"}
    assert copied.layers[-1].layers[-1].compute_dtype == "float32"
    assert {weight.dtype for weight in copied.weights} == {"float32"}


def test_copy_has_the_weights_and_the_settings_of_the_model_and_no_weight_in_common():
    model = classifier()
    copied = copy_in_bfloat16(model)
    before = [weight.tobytes() for weight in model.get_weights()]
    assert [weight.tobytes() for weight in copied.get_weights()] == before
    assert [layer.trainable for layer in copied.layers] == [layer.trainable for layer in model.layers]
    assert copied.layers[2].momentum == 0.5
    copied.set_weights([weight + 1 for weight in copied.get_weights()])
    assert [weight.tobytes() for weight in model.get_weights()] == before
