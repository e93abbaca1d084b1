import numpy as np
import pytest
from small_features import feature_set

from eurosat_transfer.models.sgd_probe import build_sgd_probe, fit_sgd_probe
from eurosat_transfer.parameters.probe import Probe
from eurosat_transfer.tensorflow_setup import keras


def fit(**changes) -> keras.Model:
    params = Probe(**{"solver": "sgd", "C": "auto", "lr": 0.1, "batch_size": 32, "epochs": 2, "seed": 0} | changes)
    features = feature_set()
    return fit_sgd_probe(features.select("train"), features.select("val"), 3, params)[0]


def test_probe_is_one_softmax_layer_with_plain_sgd():
    model = build_sgd_probe(6, 3, 0.25)
    assert [weight.shape for weight in model.weights] == [(6, 3), (3,)]
    np.testing.assert_allclose(np.sum(model(np.ones((2, 6))), axis=1), 1, rtol=1e-6)
    assert isinstance(model.optimizer, keras.optimizers.SGD)
    assert float(model.optimizer.learning_rate) == 0.25
    assert float(model.optimizer.momentum) == 0


@pytest.mark.slow
def test_batch_size_and_epochs_set_the_number_of_steps():
    assert int(fit(batch_size=16, epochs=3).optimizer.iterations) == 3 * 4  # 60 rows are 4 batches


@pytest.mark.slow
def test_equal_seeds_give_equal_probes_and_other_seeds_others():
    weights = [fit(seed=seed).get_weights()[0].tobytes() for seed in (0, 0, 1)]
    assert weights[0] == weights[1] != weights[2]
