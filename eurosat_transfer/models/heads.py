"""Fitted classifiers of features as TensorFlow functions, for the export to ONNX.

Runtimes may compute float64 as float32. So features are first centred: without a common offset, their squared
distances lose fewer digits.
"""

from collections.abc import Callable
from itertools import combinations

import numpy as np

from eurosat_transfer.models.knn import NearestRows
from eurosat_transfer.models.logistic_regression import SoftmaxLayer
from eurosat_transfer.models.svm import CalibratedMachine, SupportVectorMachine
from eurosat_transfer.tensorflow_setup import tf

Head = Callable[[tf.Tensor], tf.Tensor]  # features, float32, (n, d) -> probabilities, float32, (n, classes)
FittedClassifier = NearestRows | CalibratedMachine | SoftmaxLayer


def build_classifier_head(fitted: FittedClassifier, classes: int) -> Head:
    """Build the function that computes what `fitted.probabilities` computes.

    Args:
        fitted: a classifier of features.
        classes: number of classes.
    """
    if isinstance(fitted, CalibratedMachine):
        scores, present, rows = _svm_scores(fitted), fitted.machine.classes, fitted.rows
    elif isinstance(fitted, NearestRows):
        scores, present, rows = _knn_scores(fitted), fitted.classes, len(fitted.rows)
    else:
        scores, present, rows = _softmax_scores(fitted), fitted.classes, fitted.rows
    unseen = 1 / (rows + classes)
    to_all = np.zeros((len(present), classes), np.float32)
    to_all[np.arange(len(present)), present] = 1 - unseen * (classes - len(present))
    of_absent = np.where(np.isin(np.arange(classes), present), 0, unseen).astype(np.float32)
    return lambda features: tf.matmul(tf.nn.softmax(scores(features)), to_all) + of_absent


def _softmax_scores(layer: SoftmaxLayer) -> Head:
    weights, intercepts = layer.weights.astype(np.float32), layer.intercepts.astype(np.float32)
    return lambda features: tf.matmul(features, weights) + intercepts


def _svm_scores(calibrated: CalibratedMachine) -> Head:
    """Compute the scores of `pair_scores`, divided by the temperature."""
    machine = calibrated.machine
    pairs = list(combinations(range(len(machine.classes)), 2))
    first, second = np.zeros((2, len(pairs), len(machine.classes)), np.float32)
    for number, (one, other) in enumerate(pairs):
        first[number, one] = second[number, other] = 1
    decide = _linear_decisions(machine) if machine.kernel == "linear" else _rbf_decisions(machine)

    def scores(features: tf.Tensor) -> tf.Tensor:
        decisions = decide(_round_to_grid(features, machine.step))
        wins = tf.cast(decisions > 0, tf.float32)
        votes = tf.matmul(wins, first) + tf.matmul(1 - wins, second)
        products = -tf.matmul(tf.nn.softplus(-decisions), first) - tf.matmul(tf.nn.softplus(decisions), second)
        most = votes >= tf.reduce_max(votes, axis=1, keepdims=True)
        of_winners = tf.where(most, products, tf.fill(tf.shape(products), np.finfo(np.float32).min))
        winner, clearest = (tf.one_hot(tf.argmax(of, axis=1), len(machine.classes)) for of in (of_winners, products))
        score_of_winner, largest = (tf.reduce_max(of, axis=1, keepdims=True) for of in (of_winners, products))
        exchanged = tf.where(winner > 0, largest, tf.where(clearest > 0, score_of_winner, products))
        return exchanged / np.float32(calibrated.temperature)

    return scores


def _round_to_grid(features: tf.Tensor, step: float) -> tf.Tensor:
    """Round as `eurosat_transfer.exact.round_to_grid`. float32 has enough digits for every multiple of the step."""
    return tf.round(features * np.float32(1 / step)) * np.float32(step)


def _linear_decisions(machine: SupportVectorMachine) -> Head:
    """Compute decisions from one vector of weights for each pair of classes: (n, d) -> (n, pairs)."""
    centre, weights = machine.vectors.mean(axis=0), machine.vectors.T @ machine.weights
    intercepts = (centre @ weights + machine.intercepts).astype(np.float32)
    return lambda features: tf.matmul(features - centre.astype(np.float32), weights.astype(np.float32)) + intercepts


def _rbf_decisions(machine: SupportVectorMachine) -> Head:
    """Compute decisions from the kernel values of the support vectors: (n, d) -> (n, pairs)."""
    distances, gamma = _squared_distances(machine.vectors), np.float32(machine.gamma)
    weights, intercepts = machine.weights.astype(np.float32), machine.intercepts.astype(np.float32)
    return lambda features: tf.matmul(tf.exp(-gamma * distances(features)), weights) + intercepts


def _squared_distances(rows: np.ndarray) -> Head:
    """Compute the squared Euclidean distances to all rows: features, (n, d) -> float32, (n, rows)."""
    centre = rows.mean(axis=0).astype(np.float32)
    centred = (rows - centre).astype(np.float32)
    squares = (centred**2).sum(axis=1)

    def distances(features: tf.Tensor) -> tf.Tensor:
        moved = features - centre
        of_features = tf.reduce_sum(moved**2, axis=1, keepdims=True)
        return of_features + squares - 2 * tf.matmul(moved, centred, transpose_b=True)

    return distances


def _knn_scores(nearest: NearestRows) -> Head:
    """Compute the scores of `vote_scores`, divided by the temperature."""
    distances = _squared_distances(nearest.rows)
    votes = np.eye(len(nearest.classes), dtype=np.float32)[nearest.votes_for]
    nearness = (np.arange(nearest.k, 0, -1, dtype=np.float32) / np.float32(nearest.k + 1))[:, None]

    def scores(features: tf.Tensor) -> tf.Tensor:
        neighbours = tf.math.top_k(-distances(_round_to_grid(features, nearest.step)), nearest.k).indices
        found = tf.gather(votes, neighbours)  # (n, k, classes)
        counted = tf.reduce_sum(found, axis=1) + tf.reduce_max(found * nearness, axis=1)
        return counted / np.float32(nearest.temperature)

    return scores
