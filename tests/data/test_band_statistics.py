"""The statistics of bands and indices, against plain NumPy."""

import numpy as np
import pytest

from eurosat_transfer.data.band_names import EUROSAT, RGB
from eurosat_transfer.data.band_statistics import (
    GRID,
    STATISTICS,
    band_statistics,
    normalised_difference,
    statistic_names,
)


def raster(bands: int, dtype=np.uint16, side: int = 16) -> np.ndarray:
    return np.random.default_rng(bands).integers(1, 3000, (side, side, bands)).astype(dtype)


def by_name(values: np.ndarray, names=EUROSAT) -> dict[str, float]:
    return dict(zip(statistic_names(names), band_statistics(values, names).tolist(), strict=True))


def expected(layer: np.ndarray) -> list[float]:
    layer = layer.astype(float)
    steps = [np.abs(layer[1:] - layer[:-1]).mean(), np.abs(layer[:, 1:] - layer[:, :-1]).mean()]
    quantiles = np.sort(layer.ravel())[[int(0.1 * (layer.size - 1)), int(0.9 * (layer.size - 1))]]
    return [layer.mean(), layer.std(), *quantiles, np.mean(steps)]


def test_each_band_has_each_statistic():
    values = raster(13)
    found = by_name(values)
    for place, name in enumerate(EUROSAT):
        measured = [found[f"{name} {statistic}"] for statistic in STATISTICS]
        np.testing.assert_allclose(measured, expected(values[..., place]), rtol=1e-6)


@pytest.mark.parametrize(
    ("index", "first", "second"),
    [("NDVI", "B08", "B04"), ("NDWI", "B03", "B08"), ("NDBI", "B11", "B08"), ("NGRDI", "B03", "B04")],
)
def test_an_index_is_the_normalised_difference_of_its_bands(index, first, second):
    values = raster(13)
    one, other = (values[..., EUROSAT.index(name)].astype(float) for name in (first, second))
    found = by_name(values)
    measured = [found[f"{index} {statistic}"] for statistic in STATISTICS]
    np.testing.assert_allclose(measured, expected((one - other) / (one + other)), atol=2 * GRID)


def test_the_names_decide_and_not_the_places():
    values = raster(13)
    order = np.random.default_rng(0).permutation(13)
    names = tuple(EUROSAT[place] for place in order)
    assert by_name(values[..., order], names) == by_name(values)


def test_13_bands_have_four_indices_and_rgb_has_one():
    assert len(statistic_names(EUROSAT)) == 17 * len(STATISTICS)
    assert len(statistic_names(RGB)) == 4 * len(STATISTICS)
    assert statistic_names(RGB)[-1] == "NGRDI texture"
    assert len(statistic_names(("1", "2"))) == 2 * len(STATISTICS)


def test_an_index_without_light_is_0():
    dark = np.zeros((4, 4))
    np.testing.assert_array_equal(normalised_difference(dark, dark), dark)
    assert np.isfinite(band_statistics(np.zeros((4, 4, 13), np.uint16), EUROSAT)).all()


def test_values_that_are_missing_count_as_the_mean():
    values = raster(3, np.float32)
    mean = values[..., 0].mean(dtype=np.float64)
    values[0, 0, 0] = np.nan
    known = values[..., 0].ravel()[1:]
    assert by_name(values, RGB)["red mean"] == pytest.approx(known.mean(), rel=1e-6)
    assert by_name(values, RGB)["red mean"] != pytest.approx(mean, rel=1e-9)
    assert np.isfinite(band_statistics(np.full((4, 4, 3), np.nan, np.float32), RGB)).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_order_of_the_pixels_changes_no_bit(dtype):
    """Sums of whole numbers are exact, so they are the same on every processor."""
    values = (raster(13) % 256).astype(dtype)
    shuffled = np.random.default_rng(0).permutation(values.reshape(-1, 13)).reshape(values.shape)
    names, kept = statistic_names(EUROSAT), band_statistics(values, EUROSAT)
    places = [place for place, name in enumerate(names) if not name.endswith("texture")]
    np.testing.assert_array_equal(band_statistics(shuffled, EUROSAT)[places], kept[places])


def test_a_tile_of_one_pixel_has_no_texture():
    found = by_name(np.full((1, 1, 3), 7, np.uint8), RGB)
    assert (found["red mean"], found["red standard deviation"], found["red texture"]) == (7, 0, 0)
