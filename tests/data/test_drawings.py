"""Drawings look as they always have, and each kind of drawing has the structure that its name says."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from eurosat_transfer.data.drawings import primitives
from eurosat_transfer.data.drawings.landcover import CLASSES, draw_tile
from eurosat_transfer.data.drawings.textures import KINDS, draw_textures

# Tile 7 of each class: mean red, green and blue, standard deviation, and mean step to the next pixel in a row.
TILE_7 = {
    "AnnualCrop": (93.0, 91.5, 71.3, 15.7, 10.6),
    "Forest": (93.0, 128.8, 78.1, 27.0, 12.5),
    "HerbaceousVegetation": (172.9, 167.7, 120.8, 31.0, 9.4),
    "Highway": (116.5, 103.4, 82.4, 23.1, 9.8),
    "Industrial": (108.1, 106.8, 94.7, 12.2, 7.9),
    "Pasture": (99.2, 97.7, 59.9, 25.3, 6.6),
    "PermanentCrop": (86.8, 100.4, 71.4, 16.4, 9.7),
    "Residential": (149.1, 127.8, 93.2, 28.4, 6.3),
    "River": (161.9, 167.0, 134.6, 33.3, 14.2),
    "SeaLake": (38.7, 83.6, 90.2, 23.8, 5.0),
}

# Mean values of 64 textures of 32 pixels with the seed 0, one of each kind.
TEXTURES = [
    108, 137, 127, 73, 96, 169, 130, 102, 145, 166, 77, 117, 109, 125, 183, 159, 77, 119, 120, 126, 193, 88, 92, 126,
    160, 140, 176, 144, 75, 92, 109, 167, 134, 177, 109, 55, 93, 92, 141, 107, 142, 111, 121, 84, 101, 136, 147, 138,
    196, 118, 101, 118, 119, 152, 162, 121, 101, 183, 152, 141, 97, 88, 127, 198,
]  # fmt: skip

# The same for the mean step to the next pixel in a row.
TEXTURE_STEPS = [
    10.1, 7.2, 12.8, 12.7, 14.9, 17.0, 14.3, 22.2, 10.3, 7.4, 13.3, 8.9, 13.6, 8.7, 18.3, 9.6, 9.5, 12.3, 19.6, 71.3,
    26.1, 14.3, 20.3, 35.8, 8.8, 14.5, 16.8, 26.3, 11.7, 9.6, 13.9, 36.2, 6.1, 8.1, 6.9, 10.3, 12.5, 12.2, 9.6, 16.1,
    7.7, 3.0, 8.3, 7.4, 7.8, 24.9, 20.0, 8.9, 7.6, 17.9, 13.6, 7.3, 21.8, 16.0, 12.7, 21.8, 11.5, 17.4, 7.2, 26.3, 5.8,
    13.8, 6.4, 11.9,
]  # fmt: skip


def steps(image):
    return np.abs(np.diff(image, axis=1)).mean()


@pytest.mark.parametrize("label", CLASSES)
def test_drawn_tile_matches_the_stored_figures(label):
    tile = draw_tile(label, 7)
    assert (tile.shape, tile.dtype) == ((64, 64, 3), np.uint8)
    tile = tile.astype(float)
    found = (*tile.mean((0, 1)), tile.std(), steps(tile))
    np.testing.assert_allclose(found, TILE_7[label], atol=0.2)


def test_the_classes_are_those_of_eurosat_in_its_order():
    assert list(CLASSES) == list(TILE_7)


def test_tiles_differ_by_number_and_by_class():
    tiles = [draw_tile(label, number).tobytes() for label in ("Forest", "SeaLake") for number in range(1, 21)]
    assert len(set(tiles)) == 40
    assert draw_tile("Forest", 1).tobytes() == tiles[0]


def test_drawn_textures_match_the_stored_figures():
    images, kinds = draw_textures(64, 32, seed=0)
    assert (images.shape, images.dtype, kinds.dtype) == ((64, 32, 32, 3), np.uint8, np.int64)
    values = images.astype(float)
    np.testing.assert_allclose(values.mean((1, 2, 3)), TEXTURES, atol=0.8)
    np.testing.assert_allclose(np.abs(np.diff(values, axis=2)).mean((1, 2, 3)), TEXTURE_STEPS, atol=0.2)


def test_textures_take_the_64_kinds_in_turn():
    assert len(KINDS) == 64
    _, kinds = draw_textures(130, 8, seed=1)
    assert kinds.tolist() == [*range(64), *range(64), 0, 1]


def test_more_textures_of_a_seed_begin_with_the_same_textures():
    few, _ = draw_textures(70, 16, seed=3)
    many, _ = draw_textures(80, 16, seed=3)
    others, _ = draw_textures(70, 16, seed=4)
    assert (many[:70] == few).all()
    assert all((other != one).any() for other, one in zip(others, few, strict=True))
    assert (few[0] != few[64]).any()  # the same kind, drawn again


PATTERNS = {
    "smooth": lambda rng: primitives.smooth(rng, 64, 3),
    "band": lambda rng: primitives.band(rng, 64, 8),
    "stripes": lambda rng: primitives.stripes(rng, 64, 8, 0.5, 0.02),
    "lattice": lambda rng: primitives.lattice(rng, 64, 8, 0.3, 0.2),
    "rectangles": lambda rng: primitives.rectangles(rng, 64, 20, 8, True),
    "lines": lambda rng: primitives.lines(rng, 64, 3, 4, 0.1),
}


@pytest.mark.parametrize("name", PATTERNS)
def test_patterns_are_between_0_and_1_and_differ_by_generator(name):
    patterns = [PATTERNS[name](np.random.default_rng(seed)) for seed in range(8)]
    for pattern in patterns:
        assert (pattern.shape, pattern.dtype) == ((64, 64), np.float64)
        assert 0 <= pattern.min() < pattern.max() <= 1
    assert len({pattern.tobytes() for pattern in patterns}) == 8


def test_noise_of_a_larger_scale_is_smoother():
    rough, fine = (steps(primitives.smooth(np.random.default_rng(0), 64, scale)) for scale in (1, 4))
    assert fine < rough / 2


def frequencies(pattern):
    """Power of a pattern, with the length and the direction (0 to pi) of its spatial frequencies."""
    power = np.abs(np.fft.fft2(pattern - pattern.mean())) ** 2
    fy, fx = np.meshgrid(np.fft.fftfreq(64, 1 / 64), np.fft.fftfreq(64, 1 / 64), indexing="ij")
    return power, np.hypot(fx, fy), np.arctan2(fy, fx) % np.pi


@pytest.mark.parametrize("cycles", [4, 8, 16])
def test_a_band_has_its_frequency(cycles):
    power, length, _ = frequencies(primitives.band(np.random.default_rng(1), 64, cycles))
    assert abs((power * length).sum() / power.sum() - cycles) < 0.25 * cycles


@pytest.mark.parametrize(("spread", "focused"), [(0.05, True), (np.pi, False)])
def test_a_band_of_small_spread_has_one_direction(spread, focused):
    power, _, direction = frequencies(primitives.band(np.random.default_rng(1), 64, 10, spread))
    resultant = abs((power * np.exp(2j * direction)).sum()) / power.sum()
    assert (resultant > 0.9) == focused


@pytest.mark.parametrize("duty", [0.2, 0.5, 0.8])
def test_stripes_cover_their_share(duty):
    covered = [primitives.stripes(np.random.default_rng(seed), 64, 8, duty).mean() for seed in range(10)]
    assert abs(np.mean(covered) - duty) < 0.03


def test_stripes_have_their_frequency():
    power, length, _ = frequencies(primitives.stripes(np.random.default_rng(2), 64, 9, 0.5))
    assert abs(length.flat[power.argmax()] - 9) < 1


@pytest.mark.parametrize("jitter", [0, 0.2])
def test_dots_cover_their_share(jitter):
    dots = [primitives.lattice(np.random.default_rng(seed), 64, 8, 0.3, jitter) for seed in range(10)]
    assert abs(np.mean(dots) - np.pi * 0.3**2) < 0.03


def test_jitter_moves_dots():
    fixed, moved = (primitives.lattice(np.random.default_rng(0), 64, 8, 0.3, jitter) for jitter in (0, 0.3))
    assert (fixed != moved).mean() > 0.1


def test_cells_are_those_of_the_nearest_centres():
    cell, border = primitives.cells(np.random.default_rng(5), 64, 12)
    assert cell.shape == border.shape == (64, 64)
    assert 4 < len(np.unique(cell)) <= 12
    at_border = (cell[:, 1:] != cell[:, :-1])[:, :-1] | (cell[:, 1:-1] != cell[:, 2:])
    assert border[:, 1:-1][at_border].max() <= 1  # next to another cell
    assert border[:, 1:-1][~at_border].max() > 3
    assert border.min() >= 0


def test_zero_rectangles_leave_the_canvas_empty():
    assert (primitives.rectangles(np.random.default_rng(0), 64, 0, 8, True) == 0).all()


def test_rectangles_have_different_greys_of_at_least_one_half():
    values = primitives.rectangles(np.random.default_rng(0), 64, 20, 12, False)
    assert len(np.unique(values)) > 10
    assert values[values > 0].min() >= 0.5


@pytest.mark.parametrize(("aligned", "shared"), [(True, True), (False, False)])
def test_aligned_rectangles_share_an_angle(aligned, shared):
    """The gradients at edges of aligned rectangles have one direction, apart from right angles."""
    concentration = []
    for seed in range(6):
        pattern = primitives.rectangles(np.random.default_rng(seed), 64, 15, 12, aligned)
        gy, gx = np.gradient(gaussian_filter(pattern, 2))
        strength = gx**2 + gy**2
        concentration.append(abs((strength * np.exp(4j * np.arctan2(gy, gx))).sum()) / strength.sum())
    assert (np.mean(concentration) > 0.3) == shared


def test_lines_have_their_width_and_cross_the_tile():
    for seed in range(10):
        line = primitives.lines(np.random.default_rng(seed), 64, 1, 6, 0)
        on_border = np.concatenate([line[0], line[-1], line[1:-1, 0], line[1:-1, -1]]) > 0.5
        assert on_border.sum() >= 2 * 5  # the line leaves the tile at both ends, at least 6 pixels wide
        y, x = np.argwhere(line > 0.5).T
        length = np.hypot(np.ptp(x), np.ptp(y))
        assert abs((line > 0.5).sum() / length - 6) < 1.5


def test_more_lines_cover_more_of_the_tile():
    one, five = (primitives.lines(np.random.default_rng(0), 64, count, 3, 0.05).mean() for count in (1, 5))
    assert five > 2 * one
