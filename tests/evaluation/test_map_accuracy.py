"""The accuracy of a map whose truth is known."""

import numpy as np
import pytest

from eurosat_transfer.evaluation.map_accuracy import score_map

NAMES = ["a", "b", "c"]


def test_pixels_with_a_class_in_both_are_compared():
    labels = np.array([[0, 0, 1, 255]], np.uint8)
    codes = np.array([[0, 1, 0, 255]], np.uint8)
    truth = np.array([[0, 1, 1, 2]], np.uint8)
    scores = score_map(labels, codes, truth, NAMES)
    assert (scores["pixels"], scores["accuracy_where_sure"]) == (3, 1)
    assert scores["accuracy"] == scores["sure"] == pytest.approx(2 / 3)
    assert scores["true_shares"] == pytest.approx({"a": 1 / 3, "b": 2 / 3, "c": 0})


def test_a_map_without_data_has_no_scores():
    nothing = np.full((2, 2), 255, np.uint8)
    scores = score_map(nothing, nothing, nothing, NAMES)
    assert scores == {
        "pixels": 0, "accuracy": None, "sure": None, "accuracy_where_sure": None,
        "true_shares": {"a": None, "b": None, "c": None},
    }  # fmt: skip
