"""Areas that are corrected for the confusion on test."""

import numpy as np
import pytest

from eurosat_transfer.evaluation.areas import corrected_shares, estimate_areas, untested_classes

# Table 8 of Olofsson et al., 2014: deforestation, forest gain, stable forest, stable non-forest. The table has the
# classes of the map in its rows, the project has them in the columns.
TABLE_8 = np.array([[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]]).T
MAPPED = np.array([200_000, 150_000, 3_200_000, 6_450_000])
NAMES = ["deforestation", "gain", "forest", "other"]
LANDSAT = 0.09  # hectares


def areas(mapped, confusion, unsure=None, pixel_hectares=1.0):
    mapped = np.asarray(mapped)
    names = [f"class {label}" for label in range(len(mapped))]
    return estimate_areas(names, mapped, np.zeros_like(mapped) if unsure is None else np.asarray(unsure),
                          pixel_hectares, np.asarray(confusion))  # fmt: skip


def test_estimator_reproduces_the_example_of_its_source():
    shares, error = corrected_shares(MAPPED / MAPPED.sum(), TABLE_8, empty_cell=0)
    assert shares[0] * MAPPED.sum() == pytest.approx(235_086, abs=0.5)
    assert 1.96 * error[0] * MAPPED.sum() == pytest.approx(68_418, abs=1)
    assert shares.sum() == pytest.approx(1)


def test_rows_have_hectares_with_an_interval():
    row = estimate_areas(NAMES, MAPPED, MAPPED // 4, LANDSAT, TABLE_8)[0]
    assert list(row) == ["class", "mapped_hectares", "hectares", "low", "high", "share_unsure"]
    assert (row["class"], row["mapped_hectares"], row["share_unsure"]) == ("deforestation", pytest.approx(18_000), 0.25)
    assert row["hectares"] == pytest.approx(21_158, abs=0.5)
    # The source has 6,158. Empty cells widen the interval by 0.1 %.
    assert row["high"] - row["hectares"] == pytest.approx(6_158, rel=2e-3)
    assert row["hectares"] - row["low"] == pytest.approx(row["high"] - row["hectares"])


def test_areas_sum_to_the_whole_map():
    rows = areas([10, 500, 90], [[8, 1, 0], [2, 50, 1], [0, 3, 20]], pixel_hectares=0.01)
    for key in ("mapped_hectares", "hectares"):
        assert sum(row[key] for row in rows) == pytest.approx(6)
    assert all(0 <= row["low"] <= row["hectares"] <= row["high"] <= 6 for row in rows)


def test_ends_of_the_interval_stay_within_the_map():
    first, second = areas([998, 2], [[3, 1], [1, 3]])
    assert (first["high"], second["low"]) == (pytest.approx(1000), 0)


def test_class_without_errors_on_test_has_an_interval_with_a_width():
    first, second = areas([500, 500], [[40, 0], [0, 40]])
    assert first["hectares"] == second["hectares"] == 500
    assert 30 < first["high"] - first["low"] < 60


@pytest.mark.parametrize("predicted", [0, 1])
def test_class_that_cannot_be_corrected_may_be_any_class(predicted):
    confusion = np.array([[1000, 0, 0], [0, 1000, 0], [0, 0, predicted]])
    mapped = np.array([600, 300, 100])
    first, second, third = areas(mapped, confusion)
    assert untested_classes(mapped, confusion) == [2]
    assert [row["hectares"] for row in (first, second, third)] == pytest.approx([600, 300, 100])
    assert (first["low"], first["high"]) == (pytest.approx(600, abs=3), pytest.approx(700, abs=3))
    assert (second["low"], second["high"]) == (pytest.approx(300, abs=3), pytest.approx(400, abs=3))
    assert (third["low"], third["high"]) == (0, pytest.approx(100, abs=3))


def test_untested_class_that_is_not_on_the_map_changes_nothing():
    mapped = np.array([600, 400, 0])
    confusion = np.array([[50, 5, 0], [5, 50, 0], [10, 0, 0]])
    rows = areas(mapped, confusion)
    assert untested_classes(mapped, confusion) == []
    assert rows[2]["hectares"] == pytest.approx(600 * 10 / 65)  # two classes hide tiles of the third
    assert rows[2]["mapped_hectares"] == 0
    assert rows[2]["share_unsure"] is None


def test_map_of_nodata_only_has_no_area():
    for row in areas([0, 0], [[5, 0], [0, 5]]):
        assert [row[key] for key in ("mapped_hectares", "hectares", "low", "high")] == [0, 0, 0, 0]


def test_confusion_of_other_classes_is_refused():
    with pytest.raises(ValueError, match="2 classes"):
        areas([1, 1], np.eye(3, dtype=int))


@pytest.mark.parametrize(("tiles", "errors"), [(64, 0.1), (64, 0.02), (1350, 0.1)])
def test_intervals_cover_the_true_area(tiles, errors):
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(20):
        mapped = rng.multinomial(100_000, rng.dirichlet(np.ones(10)))
        chances = (1 - errors) * np.eye(10) + errors * rng.dirichlet(np.full(10, 0.3), 10)
        truth = mapped @ chances
        for _ in range(50):
            confusion = np.stack([rng.multinomial(tiles, chance) for chance in chances], axis=1)
            rows = areas(mapped, confusion)
            covered += [row["low"] <= area <= row["high"] for row, area in zip(rows, truth, strict=True)]
    assert np.mean(covered) >= 0.94
