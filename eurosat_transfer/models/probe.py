"""The classifier probe: one softmax layer on the features."""

from typing import NamedTuple

import numpy as np

from eurosat_transfer.evaluation.predictions import Prediction, Results, most_probable
from eurosat_transfer.features.feature_set import FeatureSet
from eurosat_transfer.models.column_scale import warn_about_large_columns
from eurosat_transfer.models.logistic_regression import (
    MAX_ITERATIONS,
    PENALTIES,
    SoftmaxLayer,
    choose_logistic_penalty,
    convergence,
    fit_logistic_regression,
)
from eurosat_transfer.models.penalty import describe_choice
from eurosat_transfer.parameters.probe import Probe

Labelled = tuple[np.ndarray, np.ndarray]


class Epoch(NamedTuple):
    """A point of a learning curve.

    Attributes:
        epoch: how many times the solver has gone through all training images: the iterations of L-BFGS, or the epochs
            of SGD.
        loss: mean log loss on train.
        accuracy: on train, 0 to 1.
        val_loss: mean log loss on val.
        val_accuracy: on val, 0 to 1.
    """

    epoch: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float


class EvaluatedProbe(NamedTuple):
    """A probe's results, with its learning curve.

    Attributes:
        results: predictions for val and test, and C if it was chosen.
        history: of the training on train.
    """

    results: Results
    history: list[Epoch]


def evaluate_probe(features: FeatureSet, params: Probe) -> EvaluatedProbe:
    """Train a probe on train, and predict val and test.

    Args:
        features: of train, val and test.
        params: the stage's parameters.

    Raises:
        UserError: the training by SGD diverges.
    """
    warn_about_large_columns("probe", features.X["train"])
    return _evaluate_sgd(features, params) if params.solver == "sgd" else _evaluate_lbfgs(features, params)


def fit_probe(train: Labelled, val: Labelled, classes: int, params: Probe) -> SoftmaxLayer:
    """Fit the softmax layer that `evaluate_probe` tests.

    Args:
        train: X, float32, (n, d), and y, int64, (n,).
        val: X and y that SGD is evaluated on after each epoch. They do not change the layer.
        classes: number of classes.
        params: the stage's parameters.

    Raises:
        UserError: the training by SGD diverges.
    """
    if params.solver == "sgd":
        from eurosat_transfer.models.sgd_probe import fit_sgd_probe  # imports TensorFlow, which takes seconds

        model, _ = fit_sgd_probe(train, val, classes, params)
        weights, intercepts = (values.astype(np.float64) for values in model.get_weights())
        return SoftmaxLayer(np.arange(classes), weights, intercepts, len(train[1]))
    return _fit_lbfgs(*train, params)[0]


def _fit_lbfgs(X: np.ndarray, y: np.ndarray, params: Probe) -> tuple[SoftmaxLayer, float, int]:
    """Fit the layer, and return it with its C and the number of iterations."""
    C = choose_logistic_penalty(X, y) if params.C == "auto" else params.C
    layer, iterations = fit_logistic_regression(X, y, C)
    return layer, C, iterations


def _evaluate_lbfgs(features: FeatureSet, params: Probe) -> EvaluatedProbe:
    X, y = features.select("train")
    layer, C, iterations = _fit_lbfgs(X, y, params)
    if iterations >= MAX_ITERATIONS:
        print(f"warning: probe.C={C:g}: the probe has not converged after {iterations} iterations; set a smaller C")
    history = []
    for epoch, unfinished in convergence(X, y, C, iterations):
        train, val = _predict(unfinished, features, "train"), _predict(unfinished, features, "val")
        history.append(Epoch(epoch, _log_loss(train), train.accuracy, _log_loss(val), val.accuracy))
    val, test = _predict(layer, features, "val"), _predict(layer, features, "test")
    if params.C != "auto":
        return EvaluatedProbe(Results(val, test, len(y)), history)
    print(describe_choice("probe", C, PENALTIES))
    return EvaluatedProbe(Results(val, test, len(y), {"C": C}), history)


def _predict(layer: SoftmaxLayer, features: FeatureSet, subset: str) -> Prediction:
    return most_probable(features.y[subset], layer.probabilities(features.X[subset], len(features.classes)))


def _log_loss(prediction: Prediction) -> float:
    of_actual = prediction.probabilities[np.arange(len(prediction.actual)), prediction.actual]
    return -float(np.log(np.maximum(of_actual, np.finfo(np.float64).tiny)).mean())


def _evaluate_sgd(features: FeatureSet, params: Probe) -> EvaluatedProbe:
    from eurosat_transfer.models.sgd_probe import fit_sgd_probe  # imports TensorFlow, which takes seconds

    train, val, X = features.select("train"), features.select("val"), features.X
    model, history = fit_sgd_probe(train, val, len(features.classes), params)
    of_val, of_test = (most_probable(features.y[s], model.predict(X[s], verbose=0)) for s in ("val", "test"))
    columns = [history.history[name] for name in Epoch._fields[1:]]
    epochs = [Epoch(*row) for row in zip(range(1, params.epochs + 1), *columns, strict=True)]
    return EvaluatedProbe(Results(of_val, of_test, len(train[1])), epochs)
