"""Predictions with the true labels."""

import numpy as np

from eurosat_transfer.evaluation.predictions import Prediction, Results, most_probable


def test_prediction_knows_its_correct_rows_and_accuracy():
    prediction = Prediction(np.array([0, 1, 2, 2]), np.array([0, 2, 2, 2]), np.eye(3)[[0, 2, 2, 2]])
    assert prediction.correct.tolist() == [True, False, True, True]
    assert prediction.accuracy == 0.75


def test_confidence_is_the_probability_of_the_predicted_class():
    probabilities = np.array([[0.1, 0.7, 0.2], [0.2, 0.4, 0.4]])
    prediction = Prediction(np.array([0, 0]), np.array([1, 2]), probabilities)
    assert prediction.confidence.tolist() == [0.7, 0.4]


def test_first_of_equally_probable_classes_is_predicted():
    probabilities = np.array([[0.1, 0.7, 0.2], [0.2, 0.4, 0.4], [0.5, 0.0, 0.5]])
    prediction = most_probable(np.array([1, 2, 0]), probabilities)
    assert prediction.predicted.tolist() == [1, 1, 0]
    assert prediction.actual.tolist() == [1, 2, 0]
    assert prediction.probabilities is probabilities


def test_results_have_no_chosen_parameters_by_default():
    prediction = most_probable(np.array([0]), np.array([[0.6, 0.4]]))
    assert Results(prediction, prediction, 7).chosen == {}
