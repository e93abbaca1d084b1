"""Drawn textures and shapes of 64 kinds: what tilenet is pretrained to tell apart.

Pretraining without natural images, after FractalDB (Kataoka et al., 2020). No kind is a kind of land, and colours say
nothing of the kind: only structure does.
"""

from collections.abc import Callable

import numpy as np
from tqdm import tqdm

from stages.drawn.primitives import band, cells, lattice, lines, rectangles, smooth, stripes


def _kinds() -> list[Callable[[np.random.Generator, int], np.ndarray]]:
    kinds = [lambda r, s, c=c: band(r, s, c) for c in (2, 3, 4.5, 6.5, 9.5, 13, 18, 24)]
    for cycles in (3, 6, 11, 18):
        kinds += [lambda r, s, c=cycles, w=w: band(r, s, c, w) for w in (0.1, 0.35)]
        kinds += [lambda r, s, c=cycles, d=d: stripes(r, s, c, d, wave=r.uniform(0, 0.02)) for d in (0.25, 0.6)]
    for cycles in (4, 6, 9, 13):
        kinds += [lambda r, s, c=cycles, j=j: lattice(r, s, c, 0.3, j) for j in (0.0, 0.35)]
    for count in (4, 9, 20, 45):
        kinds += [lambda r, s, n=count: r.uniform(0, 1, n)[cells(r, s, n)[0]]]
        kinds += [lambda r, s, n=count: np.clip(1.5 - cells(r, s, n)[1], 0, 1)]
    for count, side in ((4, 22), (12, 14), (30, 8), (70, 5)):
        kinds += [lambda r, s, n=count, w=side, a=a: rectangles(r, s, n, w * s / 64, a) for a in (True, False)]
    for count, width in ((1, 8), (1, 3), (4, 3), (9, 1.5)):
        kinds += [lambda r, s, n=count, w=width, b=b: lines(r, s, n, w * s / 64, b) for b in (0.0, 0.15)]
    for scale in (1.2, 2.5, 5, 10):
        kinds += [lambda r, s, d=scale: smooth(r, s, d * s / 64)]
        kinds += [lambda r, s, d=scale: np.clip((smooth(r, s, d * s / 64) - r.uniform(0.4, 0.6)) * 12, 0, 1)]
    return kinds


KINDS = _kinds()


def draw_textures(count: int, size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw count textures, the kinds in turn.

    Returns:
        images: uint8, (count, size, size, 3).
        kinds: int64, (count,), 0 to 63.
    """
    images = np.empty((count, size, size, 3), np.uint8)
    kinds = np.arange(count) % len(KINDS)
    for i in tqdm(range(count), desc="drawing textures", unit="texture", mininterval=1, disable=None):
        rng = np.random.default_rng([seed, i])
        images[i] = _coloured(rng, KINDS[kinds[i]](rng, size))
    return images, kinds


def _coloured(rng: np.random.Generator, pattern: np.ndarray) -> np.ndarray:
    """Two random colours for the pattern's two ends, uneven light, some noise."""
    ends = rng.uniform(0, 1, (2, 3))
    ends[1] = np.clip(ends[0] + rng.uniform(0.15, 0.9) * (ends[1] - ends[0]) + rng.choice([-0.15, 0.15], 3), 0, 1)
    image = ends[0] + pattern[..., None] * (ends[1] - ends[0])
    image = image * (0.8 + 0.4 * smooth(rng, len(pattern), len(pattern) / 4))[..., None]
    image += rng.normal(0, rng.uniform(0, 0.05), image.shape)
    return (np.clip(image, 0, 1) * 255).astype(np.uint8)
