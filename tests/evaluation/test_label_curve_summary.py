import numpy as np
import pytest

from eurosat_transfer.evaluation.crossed_interval import crossed_interval
from eurosat_transfer.evaluation.label_curve import Fit, compare_label_curves, summarise_label_curve, write_fits
from eurosat_transfer.io.csv_files import read_csv


def make_fit(name: str, images: int, draw: int, accuracy: float) -> Fit:
    """Make a fit that is correct on the first of 100 images."""
    return Fit(name, images, draw, accuracy, np.arange(100) < round(100 * accuracy))


FITS = [
    *(make_fit("probe", 10, draw, accuracy) for draw, accuracy in enumerate((0.5, 0.6, 0.55))),
    *(make_fit("probe", 30, draw, accuracy) for draw, accuracy in enumerate((0.7, 0.72, 0.77))),
    make_fit("probe", 50, 0, 0.9),
    *(make_fit("svm", 10, draw, accuracy) for draw, accuracy in enumerate((0.4, 0.6, 0.5))),
    *(make_fit("svm", 30, draw, accuracy) for draw, accuracy in enumerate((0.7, 0.7, 0.7))),
    make_fit("svm", 50, 0, 0.8),
]


def interval(first: slice, second: slice, level: float = 0.95) -> tuple[float, float]:
    sides = [np.array([fit.correct for fit in FITS[rows]], int) for rows in (first, second)]
    return crossed_interval(sides[0] - sides[1], level)


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
    gain = probe[1]["gain"]
    assert gain["mean"] == pytest.approx(0.18)
    assert (gain["low"], gain["high"]) == interval(slice(3, 6), slice(0, 3))


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
    assert pairs[0]["mean"] == pytest.approx(0.05)
    two_intervals = 0.975  # the level of each, so that both together have 0.95
    assert (pairs[0]["low"], pairs[0]["high"]) == interval(slice(0, 3), slice(7, 10), two_intervals)
    assert (pairs[2]["draws"], pairs[2]["low"], pairs[2]["high"]) == (1, None, None)


def test_gain_of_a_single_draw_has_an_interval_over_the_images():
    gain = summarise_label_curve([FITS[0], FITS[6]])["probe"][1]["gain"]
    assert gain["draws"] == 1
    assert (gain["low"], gain["high"]) == interval(slice(6, 7), slice(0, 1))


def test_gain_of_accuracies_alone_has_no_interval():
    gain = summarise_label_curve([Fit("probe", 10, 0, 0.5), FITS[6]])["probe"][1]["gain"]
    assert (gain["mean"], gain["low"], gain["high"]) == (pytest.approx(0.4), None, None)


def test_files_have_the_accuracies_only(tmp_path):
    write_fits(str(tmp_path / "labels.csv"), FITS[:1])
    assert read_csv(str(tmp_path / "labels.csv")) == [
        {"classifier": "probe", "images": "10", "draw": "0", "accuracy": "0.5"}
    ]
