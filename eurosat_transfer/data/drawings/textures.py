"""Drawn textures of 64 kinds, which tilenet learns to tell apart when it is pretrained.

No kind is a kind of land. Colours are random, so that only structure tells the kinds apart.

Source:
    FractalDB pretrains without natural images: Kataoka et al., 2020, https://arxiv.org/abs/2101.08515
"""

from collections.abc import Callable

import numpy as np
from joblib import Parallel, cpu_count, delayed
from tqdm import tqdm

from eurosat_transfer.data.drawings.primitives import band, cells, lattice, lines, rectangles, smooth, stripes

Kind = Callable[[np.random.Generator, int], np.ndarray]  # generator, size -> float64, (size, size), 0 to 1
CHUNK = 250  # textures that a process draws at a time
DESIGN_SIZE = 64  # lengths in pixels hold for tiles of this size; other sizes scale them


def _bands(cycles: float, spread: float = np.pi) -> Kind:
    return lambda rng, size: band(rng, size, cycles, spread)


def _wavy_stripes(cycles: float, duty: float) -> Kind:
    return lambda rng, size: stripes(rng, size, cycles, duty, wave=rng.uniform(0, 0.02))


def _dots(cycles: float, jitter: float) -> Kind:
    return lambda rng, size: lattice(rng, size, cycles, 0.3, jitter)


def _filled_cells(count: int) -> Kind:
    return lambda rng, size: rng.uniform(0, 1, count)[cells(rng, size, count)[0]]


def _cell_borders(count: int) -> Kind:
    return lambda rng, size: np.clip(1.5 - cells(rng, size, count)[1], 0, 1)


def _blocks(count: int, side: float, aligned: bool) -> Kind:
    return lambda rng, size: rectangles(rng, size, count, side * size / DESIGN_SIZE, aligned)


def _crossing_lines(count: int, width: float, bend: float) -> Kind:
    return lambda rng, size: lines(rng, size, count, width * size / DESIGN_SIZE, bend)


def _clouds(scale: float) -> Kind:
    return lambda rng, size: smooth(rng, size, scale * size / DESIGN_SIZE)


def _islands(scale: float) -> Kind:
    return lambda rng, size: np.clip((smooth(rng, size, scale * size / DESIGN_SIZE) - rng.uniform(0.4, 0.6)) * 12, 0, 1)


def _list_kinds() -> list[Kind]:
    kinds = [_bands(cycles) for cycles in (2, 3, 4.5, 6.5, 9.5, 13, 18, 24)]
    for cycles in (3, 6, 11, 18):
        kinds += [_bands(cycles, spread) for spread in (0.1, 0.35)]
        kinds += [_wavy_stripes(cycles, duty) for duty in (0.25, 0.6)]
    for cycles in (4, 6, 9, 13):
        kinds += [_dots(cycles, jitter) for jitter in (0.0, 0.35)]
    for count in (4, 9, 20, 45):
        kinds += [_filled_cells(count), _cell_borders(count)]
    for count, side in ((4, 22), (12, 14), (30, 8), (70, 5)):
        kinds += [_blocks(count, side, aligned) for aligned in (True, False)]
    for count, width in ((1, 8), (1, 3), (4, 3), (9, 1.5)):
        kinds += [_crossing_lines(count, width, bend) for bend in (0.0, 0.15)]
    for scale in (1.2, 2.5, 5, 10):
        kinds += [_clouds(scale), _islands(scale)]
    return kinds


KINDS = _list_kinds()


def draw_textures(count: int, size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw textures, taking the kinds in turn.

    Args:
        count: of the textures.
        size: pixels per side.
        seed: of the drawings. Texture i is the same for every count.

    Returns:
        images: uint8, (count, size, size, 3), RGB.
        kinds: int64, (count,), 0 to 63.
    """
    chunks = [range(first, min(first + CHUNK, count)) for first in range(0, count, CHUNK)]
    drawn = [np.empty((0, size, size, 3), np.uint8)]
    with tqdm(desc="drawing textures", total=count, unit="texture", mininterval=1, disable=None) as bar:
        processes = Parallel(n_jobs=max(1, min(len(chunks), cpu_count())), return_as="generator")
        for images in processes(delayed(_draw)(numbers, size, seed) for numbers in chunks):
            drawn.append(images)
            bar.update(len(images))
    return np.concatenate(drawn), np.arange(count) % len(KINDS)


def _draw(numbers: range, size: int, seed: int) -> np.ndarray:
    """Draw the textures of some numbers, in a process of its own."""
    images = np.empty((len(numbers), size, size, 3), np.uint8)
    for row, number in enumerate(numbers):
        rng = np.random.default_rng([seed, number])
        images[row] = _colour(rng, KINDS[number % len(KINDS)](rng, size))
    return images


def _colour(rng: np.random.Generator, pattern: np.ndarray) -> np.ndarray:
    """Colour a pattern between two random colours, with uneven light and noise."""
    ends = rng.uniform(0, 1, (2, 3))
    ends[1] = np.clip(ends[0] + rng.uniform(0.15, 0.9) * (ends[1] - ends[0]) + rng.choice([-0.15, 0.15], 3), 0, 1)
    image = ends[0] + pattern[..., None] * (ends[1] - ends[0])
    image = image * (0.8 + 0.4 * smooth(rng, len(pattern), len(pattern) / 4))[..., None]
    image += rng.normal(0, rng.uniform(0, 0.05), image.shape)
    return (np.clip(image, 0, 1) * 255).astype(np.uint8)
