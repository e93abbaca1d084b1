"""Drawn stand-ins for satellite tiles: EuroSAT's classes, tile size and file names, without a single photograph.

Light, season and noise vary from tile to tile, and the classes share colours, so that a classifier has to use
structure. The drawings show how transfer learning works. They do not show what land looks like from above.
"""

from collections.abc import Callable

import numpy as np

from eurosat_transfer.data.drawings.primitives import band, cells, lattice, lines, rectangles, smooth, stripes

SIZE = 64  # pixels per side, like EuroSAT's tiles

Colour = tuple[float, float, float]  # red, green, blue, 0 to 1
GREEN, DARK_GREEN, TAN, BROWN = (0.36, 0.45, 0.26), (0.2, 0.3, 0.2), (0.6, 0.53, 0.4), (0.45, 0.36, 0.28)
BLUE, TEAL = (0.16, 0.26, 0.4), (0.2, 0.36, 0.36)
GREY, WHITE, RED = (0.5, 0.5, 0.5), (0.82, 0.82, 0.8), (0.58, 0.36, 0.3)

# The functions below share these shapes: a shade is float64, (3,); a layer is float64, (SIZE, SIZE); an image is
# float64, (SIZE, SIZE, 3), RGB.


def _shade(rng: np.random.Generator, *colours: Colour) -> np.ndarray:
    """Draw a shade near a random mixture of colours."""
    return rng.dirichlet(np.full(len(colours), 0.7)) @ np.array(colours) + rng.normal(0, 0.03, 3)


def _mix(below: np.ndarray, above: np.ndarray, cover: np.ndarray) -> np.ndarray:
    """Paint an image or a shade over an image. The layer cover says how opaque it is at each pixel, 0 to 1."""
    return below + cover[..., None] * (above - below)


def _mottle(rng: np.random.Generator, shade: np.ndarray, scale: float, depth: float) -> np.ndarray:
    """Fill an image with a shade whose brightness varies smoothly, by up to half of depth."""
    return shade * (1 + depth * (smooth(rng, SIZE, scale) - 0.5))[..., None]


def _add_roofs(rng: np.random.Generator, below: np.ndarray, shade: np.ndarray, roofs: np.ndarray) -> np.ndarray:
    """Paint a layer of roofs over an image. Their greys become tones of the shade."""
    return _mix(below, shade * (0.4 + 0.7 * roofs)[..., None], (roofs > 0) * rng.uniform(0.5, 0.95))


def _draw_fields(rng: np.random.Generator, count: int, *colours: Colour) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw fields of different shades: the image, each pixel's field, and its distance from the field's border."""
    cell, border = cells(rng, SIZE, count)
    tones = np.stack([_shade(rng, *colours) for _ in range(count)])
    return tones[cell] * (0.9 + 0.2 * smooth(rng, SIZE, 1.5))[..., None], cell, border


def _annual_crop(rng: np.random.Generator) -> np.ndarray:
    image, cell, _ = _draw_fields(rng, int(rng.integers(3, 8)), TAN, BROWN, GREEN, GREEN)
    for field in np.unique(cell):  # every field has its own direction of furrows
        furrows = stripes(rng, SIZE, rng.uniform(9, 16), 0.5)
        image = _mix(image, 0.85 * image, (cell == field) * furrows * rng.uniform(0, 0.9))
    return image


def _permanent_crop(rng: np.random.Generator) -> np.ndarray:
    image, cell, _ = _draw_fields(rng, int(rng.integers(2, 6)), TAN, BROWN, GREEN)
    trees = _shade(rng, GREEN, DARK_GREEN)
    for field in np.unique(cell):
        cycles = rng.uniform(7, 13)
        rows = lattice(rng, SIZE, cycles, 0.3, 0.08) if rng.uniform() < 0.6 else stripes(rng, SIZE, cycles, 0.45)
        image = _mix(image, trees, (cell == field) * rows * rng.uniform(0.4, 0.9))
    return image


def _pasture(rng: np.random.Generator) -> np.ndarray:
    image, _, border = _draw_fields(rng, int(rng.integers(2, 7)), GREEN, GREEN, TAN)
    hedges = np.clip(rng.uniform(1.0, 2.2) - border, 0, 1) * (smooth(rng, SIZE, 3) > 0.42)
    return _mix(image, _shade(rng, DARK_GREEN), hedges * rng.uniform(0.5, 1))


def _herbaceous(rng: np.random.Generator) -> np.ndarray:
    image = _mottle(rng, _shade(rng, GREEN, TAN, BROWN), rng.uniform(2, 6), 0.6)
    shrubs = np.clip((smooth(rng, SIZE, rng.uniform(1, 2.2)) - rng.uniform(0.52, 0.62)) * 8, 0, 1)
    return _mix(image, _shade(rng, DARK_GREEN, GREEN), shrubs * rng.uniform(0.3, 0.8))


def _forest(rng: np.random.Generator) -> np.ndarray:
    image = _mottle(rng, _shade(rng, DARK_GREEN, DARK_GREEN, GREEN), rng.uniform(4, 9), 0.5)
    return image * (0.75 + 0.5 * band(rng, SIZE, rng.uniform(10, 20)))[..., None]


def _open_land(rng: np.random.Generator) -> np.ndarray:
    """Draw the surroundings of a road or river: any of five kinds of land."""
    kinds = (_annual_crop, _pasture, _herbaceous, _forest, _residential)
    return kinds[rng.choice(len(kinds), p=[0.3, 0.25, 0.25, 0.1, 0.1])](rng)


def _highway(rng: np.random.Generator) -> np.ndarray:
    road = lines(rng, SIZE, int(rng.integers(1, 3)), rng.uniform(2.5, 6), rng.uniform(0, 0.05))
    return _mix(_open_land(rng), _shade(rng, GREY, TAN, TEAL), road * rng.uniform(0.6, 1))


def _river(rng: np.random.Generator) -> np.ndarray:
    water = lines(rng, SIZE, 1, rng.uniform(5, 16), rng.uniform(0.06, 0.2))
    return _mix(_open_land(rng), _mottle(rng, _shade(rng, BLUE, TEAL, GREY), 4, 0.2), water * rng.uniform(0.7, 1))


def _sea_lake(rng: np.random.Generator) -> np.ndarray:
    image = _mottle(rng, _shade(rng, BLUE, TEAL, DARK_GREEN), rng.uniform(6, 20), rng.uniform(0.1, 0.5))
    return image * (1 + 0.2 * rng.uniform() * (band(rng, SIZE, rng.uniform(4, 12), 0.4) - 0.5))[..., None]


def _residential(rng: np.random.Generator) -> np.ndarray:
    image = _mottle(rng, _shade(rng, GREEN, DARK_GREEN, TAN), 2, 0.6)
    image = _mix(image, _shade(rng, GREY, TAN), lines(rng, SIZE, int(rng.integers(1, 4)), 2, 0.06) * 0.8)
    roofs = rectangles(rng, SIZE, int(rng.integers(25, 60)), rng.uniform(4, 6.5), bool(rng.uniform() < 0.6))
    return _add_roofs(rng, image, _shade(rng, RED, GREY, WHITE), roofs)


def _industrial(rng: np.random.Generator) -> np.ndarray:
    image = _mottle(rng, _shade(rng, GREY, TAN, GREEN), 3, 0.4)
    image = _mix(image, _shade(rng, GREY), lines(rng, SIZE, int(rng.integers(0, 3)), 3, 0.02) * 0.7)
    halls = rectangles(rng, SIZE, int(rng.integers(3, 12)), rng.uniform(12, 20), bool(rng.uniform() < 0.8))
    return _add_roofs(rng, image, _shade(rng, WHITE, GREY, RED), halls)


CLASSES: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "AnnualCrop": _annual_crop,
    "Forest": _forest,
    "HerbaceousVegetation": _herbaceous,
    "Highway": _highway,
    "Industrial": _industrial,
    "Pasture": _pasture,
    "PermanentCrop": _permanent_crop,
    "Residential": _residential,
    "River": _river,
    "SeaLake": _sea_lake,
}


def draw_tile(label: str, number: int) -> np.ndarray:
    """Draw one tile of a class. The same arguments always draw the same tile.

    Args:
        label: a key of CLASSES.
        number: of the tile in its class, from 1.

    Returns:
        uint8, (64, 64, 3), RGB.
    """
    rng = np.random.default_rng([list(CLASSES).index(label), number])
    image = CLASSES[label](rng)
    image = image * rng.uniform(0.7, 1.3) * rng.normal(1, 0.06, 3)  # light, season and haze
    image += rng.normal(0, rng.uniform(0.01, 0.04), image.shape)
    return (np.clip(image, 0, 1) * 255).astype(np.uint8)
