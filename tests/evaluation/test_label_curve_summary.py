"""Summary of label curves."""

import pytest

from eurosat_transfer.evaluation.label_curve import Fit, summarise_label_curve


def test_mean_and_standard_deviation_are_over_the_draws():
    fits = [Fit("svm", 10, 0, 0.5), Fit("svm", 10, 1, 0.7), Fit("svm", 20, 0, 0.9)]
    assert summarise_label_curve(fits) == {
        "svm": [
            {"images": 10, "mean": pytest.approx(0.6), "sd": pytest.approx(0.2 / 2**0.5)},
            {"images": 20, "mean": 0.9, "sd": 0.0},
        ]
    }


def test_classifiers_are_summarised_apart():
    summary = summarise_label_curve([Fit("probe", 10, 0, 0.25), Fit("svm", 10, 0, 0.75)])
    assert {name: points[0]["mean"] for name, points in summary.items()} == {"probe": 0.25, "svm": 0.75}


def test_no_fits_have_no_summary():
    assert summarise_label_curve([]) == {}
