"""The comparison of two ways to get labels."""

import numpy as np
import pytest

from eurosat_transfer.evaluation.label_choices import compare_choices
from eurosat_transfer.evaluation.label_curve import Fit, mean_difference


def fit(name, images, draw, correct):
    return Fit(name, images, draw, float(np.mean(correct)), np.array(correct, bool))


def test_one_choice_is_compared_with_all_draws_at_simultaneous_intervals():
    rng = np.random.default_rng(0)
    fits = [fit("chosen", size, 0, rng.random(200) < 0.8) for size in (10, 20)]
    fits += [fit("drawn", size, draw, rng.random(200) < 0.6) for size in (10, 20) for draw in range(5)]
    rows = compare_choices(fits, "chosen", "drawn")
    assert [(row["images"], row["draws"]) for row in rows] == [(10, 5), (20, 5)]
    for row in rows:
        of_size = [f for f in fits if f.images == row["images"]]
        one, several = ({f.draw: f for f in of_size if f.classifier == name} for name in ("chosen", "drawn"))
        assert row["mean"] == pytest.approx(one[0].accuracy - np.mean([f.accuracy for f in several.values()]))
        assert (row["low"], row["high"]) == tuple(mean_difference(one, several, 0.975)[key] for key in ("low", "high"))


def test_nothing_is_compared_without_fits():
    assert compare_choices([], "chosen", "drawn") == []
