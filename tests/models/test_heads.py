"""Classifiers of features as TensorFlow functions."""

import numpy as np
import onnx
import pytest

from eurosat_transfer.models.heads import build_classifier_head
from eurosat_transfer.models.knn import fit_knn
from eurosat_transfer.models.logistic_regression import fit_logistic_regression
from eurosat_transfer.models.spread import fit_spread
from eurosat_transfer.models.svm import fit_calibrated_svm
from eurosat_transfer.networks.onnx_file import convert_to_onnx
from eurosat_transfer.networks.onnx_join import opset_of, raise_opset
from eurosat_transfer.openvino_setup import shared_core
from eurosat_transfer.parameters.spread import Spread
from eurosat_transfer.tensorflow_setup import tf

FITTERS = {
    "knn": lambda X, y: fit_knn(X, y, 5),
    "knn, one neighbour": lambda X, y: fit_knn(X, y, 1),
    "svm, rbf": lambda X, y: fit_calibrated_svm(X, y, "rbf", 10)[0],
    "svm, linear": lambda X, y: fit_calibrated_svm(X, y, "linear", 1)[0],
    "probe": lambda X, y: fit_logistic_regression(X, y, 30.0)[0],
    "spread": lambda X, y: fit_spread(X[:60], y[:60], X[60:], Spread(neighbours=5, components=8, alpha=0.9)),
}


@pytest.mark.parametrize("labels", [[0, 1, 2, 3], [1, 3], [0, 2, 4]], ids=str)
@pytest.mark.parametrize("name", FITTERS)
def test_a_head_computes_the_probabilities_of_the_classifier(name, labels):
    rng = np.random.default_rng(0)
    y = np.array(labels)[np.arange(120) % len(labels)]
    X = (rng.normal(0, 1, (120, 16)) + 50 + np.eye(5, 16)[y]).astype(np.float32)  # overlapping classes, a large offset
    unseen = (rng.normal(0, 1, (500, 16)) + 50 + np.eye(5, 16)[rng.integers(0, 5, 500)]).astype(np.float32)
    fitted = FITTERS[name](X, y)
    expected = fitted.probabilities(unseen, 6)
    found = build_classifier_head(fitted, 6)(unseen).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert (found.argmax(axis=1) == expected.argmax(axis=1)).all()
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("name", FITTERS)
def test_a_head_fits_behind_a_network_with_the_newest_operators(name):
    opset = onnx.defs.onnx_opset_version()
    rng = np.random.default_rng(0)
    y = np.arange(90) % 3
    X = (rng.normal(0, 1, (90, 16)) + 3 * np.eye(3, 16)[y]).astype(np.float32)
    head = build_classifier_head(FITTERS[name](X, y), 3)
    spec = tf.TensorSpec((None, 16), tf.float32, name="features")
    converted = raise_opset(convert_to_onnx(lambda features: {"probabilities": head(features)}, spec), opset)
    assert opset_of(converted) == opset
    compiled = shared_core().compile_model(
        shared_core().read_model(converted.SerializeToString()), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    np.testing.assert_allclose(compiled([X])[0], head(X).numpy(), atol=1e-4)
