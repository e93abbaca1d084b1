import numpy as np
import pytest
from scipy.stats import ttest_1samp

from eurosat_transfer.evaluation.label_curve import Fit, compare_label_curves, mean_difference, summarise_label_curve

FITS = [
    *(Fit("probe", 10, draw, accuracy) for draw, accuracy in enumerate((0.5, 0.6, 0.55))),
    *(Fit("probe", 30, draw, accuracy) for draw, accuracy in enumerate((0.7, 0.72, 0.77))),
    Fit("probe", 50, 0, 0.9),
    *(Fit("svm", 10, draw, accuracy) for draw, accuracy in enumerate((0.4, 0.6, 0.5))),
    *(Fit("svm", 30, draw, accuracy) for draw, accuracy in enumerate((0.7, 0.7, 0.7))),
    Fit("svm", 50, 0, 0.8),
]


def test_points_have_mean_deviation_and_standard_error():
    summary = summarise_label_curve(FITS)
    assert list(summary) == ["probe", "svm"]
    first = summary["probe"][0]
    assert (first["images"], first["draws"], first["gain"]) == (10, 3, None)
    assert first["mean"] == pytest.approx(0.55)
    assert first["sd"] == pytest.approx(0.05)
    assert first["se"] == pytest.approx(0.05 / 3**0.5)


def test_single_fit_has_no_deviation():
    last = summarise_label_curve(FITS)["probe"][-1]
    assert (last["draws"], last["mean"], last["sd"], last["se"]) == (1, 0.9, None, None)


def test_gain_is_over_the_largest_size_that_is_at_most_half():
    probe = summarise_label_curve(FITS)["probe"]
    assert [point["gain"] and point["gain"]["images"] for point in probe] == [None, 10, 10]
    differences = np.array([0.7 - 0.5, 0.72 - 0.6, 0.77 - 0.55])
    expected = ttest_1samp(differences, 0).confidence_interval(0.95)
    gain = probe[1]["gain"]
    assert (gain["mean"], gain["low"], gain["high"]) == pytest.approx((differences.mean(), *expected))


def test_single_fit_is_compared_with_every_draw():
    gain = summarise_label_curve(FITS)["probe"][2]["gain"]
    assert (gain["draws"], gain["mean"]) == (3, pytest.approx(0.35))
    assert gain["low"] < 0.35 < gain["high"]


def test_curves_are_compared_draw_by_draw():
    """The draws differ by much, and the difference between the classifiers by little."""
    pairs = compare_label_curves(FITS)
    assert [(pair["first"], pair["second"], pair["images"]) for pair in pairs] == [
        ("probe", "svm", images) for images in (10, 30, 50)
    ]
    expected = ttest_1samp([0.1, 0.0, 0.05], 0).confidence_interval(0.95)
    assert (pairs[0]["mean"], pairs[0]["low"], pairs[0]["high"]) == pytest.approx((0.05, *expected))
    assert (pairs[2]["draws"], pairs[2]["low"], pairs[2]["high"]) == (1, None, None)


def test_interval_covers_the_mean_difference():
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(1000):
        first, second = (dict(enumerate(rng.normal(0.7, 0.02, 20))) for _ in range(2))
        found = mean_difference(first, second)
        covered += found["low"] < 0 < found["high"]
    assert 930 < covered < 970
