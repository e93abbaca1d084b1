"""Grey patterns that drawings are composed of.

Every function draws one pattern at a random place and angle. Patterns are float64, (size, size). The order of the
random draws is part of the result: another order draws other tiles.
"""

import numpy as np
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter


def smooth(rng: np.random.Generator, size: int, scale: float) -> np.ndarray:
    """Draw noise without structure finer than a scale.

    Args:
        rng: draws the noise.
        size: pixels per side.
        scale: standard deviation of the Gaussian filter, in pixels.

    Returns:
        float64, (size, size), 0 to 1.
    """
    return _stretch(gaussian_filter(rng.standard_normal((size, size)), scale, mode="wrap"))


def band(rng: np.random.Generator, size: int, cycles: float, spread: float = np.pi) -> np.ndarray:
    """Draw noise around one spatial frequency.

    Args:
        rng: draws the noise and its direction.
        size: pixels per side.
        cycles: the frequency, in cycles per tile.
        spread: how far directions vary around a random one, in radians. The default gives all directions.

    Returns:
        float64, (size, size), 0 to 1.
    """
    fy, fx = np.meshgrid(np.fft.fftfreq(size, 1 / size), np.fft.fftfreq(size, 1 / size), indexing="ij")
    ring = np.exp(-0.5 * ((np.hypot(fx, fy) - cycles) / (0.25 * cycles + 0.5)) ** 2)
    turn = np.angle(np.exp(2j * (np.arctan2(fy, fx) - rng.uniform(0, np.pi)))) / 2
    spectrum = np.fft.fft2(rng.standard_normal((size, size))) * ring * np.exp(-0.5 * (turn / spread) ** 2)
    return _stretch(np.fft.ifft2(spectrum).real)


def stripes(rng: np.random.Generator, size: int, cycles: float, duty: float, wave: float = 0.0) -> np.ndarray:
    """Draw parallel bright stripes.

    Args:
        rng: draws the angle and the position.
        size: pixels per side.
        cycles: stripes per tile.
        duty: the bright share of the area, 0 to 1.
        wave: how far stripes bend, in tiles.

    Returns:
        float64, (size, size), 0 to 1.
    """
    x, y = _rotated_coordinates(rng, size)
    phase = cycles * (x + wave * np.sin(2 * np.pi * (y + rng.uniform()))) + rng.uniform()
    return _soft_edge(duty / 2 - np.abs(phase % 1 - 0.5), 0.7 * cycles / size)


def lattice(rng: np.random.Generator, size: int, cycles: float, radius: float, jitter: float = 0.0) -> np.ndarray:
    """Draw bright dots on a square lattice.

    Args:
        rng: draws the angle, the position and the jitter.
        size: pixels per side.
        cycles: dots per tile, along each axis.
        radius: of a dot, in multiples of the distance between dots.
        jitter: the most that a dot is moved along each axis, in multiples of the distance between dots.

    Returns:
        float64, (size, size), 0 to 1.
    """
    x, y = _rotated_coordinates(rng, size)
    u, v = cycles * x + rng.uniform(), cycles * y + rng.uniform()
    i, j = np.floor(u).astype(int), np.floor(v).astype(int)
    moves = rng.uniform(-jitter, jitter, (2, 101, 103))
    du, dv = moves[0, i % 101, j % 103], moves[1, i % 101, j % 103]
    return _soft_edge(radius - np.hypot(u - i - 0.5 - du, v - j - 0.5 - dv), 0.7 * cycles / size)


def cells(rng: np.random.Generator, size: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Divide a tile into Voronoi cells.

    Args:
        rng: draws the centres of the cells.
        size: pixels per side.
        count: of the centres, 2 or more. Cells that lie outside the tile do not appear.

    Returns:
        cell: int64, (size, size): each pixel's cell, from 0.
        border: float64, (size, size): each pixel's distance from the border of its cell, in pixels.
    """
    points = rng.uniform(-0.1 * size, 1.1 * size, (count, 2))
    y, x = np.mgrid[:size, :size]
    distance = np.hypot(y[..., None] - points[:, 0], x[..., None] - points[:, 1])
    nearest = np.sort(distance, axis=-1)[..., :2]
    return distance.argmin(axis=-1), (nearest[..., 1] - nearest[..., 0]) / 2


def rectangles(rng: np.random.Generator, size: int, count: int, side: float, aligned: bool) -> np.ndarray:
    """Draw filled rectangles in different greys on black.

    Args:
        rng: draws the rectangles.
        size: pixels per side.
        count: of the rectangles.
        side: their typical side, in pixels.
        aligned: whether all have the same angle.

    Returns:
        float64, (size, size): 0 where there is no rectangle, else 0.5 to 1.
    """
    canvas = Image.new("F", (size, size), 0.0)
    draw = ImageDraw.Draw(canvas)
    common = rng.uniform(0, np.pi / 2)
    for _ in range(count):
        width, height = side * rng.uniform(0.6, 1.5, 2) / 2
        angle = common if aligned else rng.uniform(0, np.pi)
        corners = np.array([[-width, -height], [width, -height], [width, height], [-width, height]])
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        points = corners @ turn.T + rng.uniform(0, size, 2)
        draw.polygon([tuple(p) for p in points], fill=rng.uniform(0.5, 1.0))
    return np.asarray(canvas, dtype=np.float64)


def lines(rng: np.random.Generator, size: int, count: int, width: float, bend: float) -> np.ndarray:
    """Draw bright lines that cross the whole tile.

    Args:
        rng: draws the angles, the positions and the bends.
        size: pixels per side.
        count: of the lines.
        width: of a line, in pixels.
        bend: how far lines bend, in tiles.

    Returns:
        float64, (size, size), 0 to 1.
    """
    result = np.zeros((size, size))
    for _ in range(count):
        x, y = _rotated_coordinates(rng, size)
        curve = bend * np.sin(np.pi * rng.uniform(1, 2.5) * y + rng.uniform(0, 2 * np.pi))
        distance = np.abs(x - 0.5 + rng.uniform(-0.35, 0.35) + curve) * size
        result = np.maximum(result, _soft_edge(width / 2 - distance, 0.7))
    return result


def _rotated_coordinates(rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y of every pixel in tiles, rotated about the middle by a random angle."""
    y, x = (np.mgrid[:size, :size] + 0.5) / size - 0.5
    angle = rng.uniform(0, 2 * np.pi)
    return np.cos(angle) * x + np.sin(angle) * y + 0.5, np.cos(angle) * y - np.sin(angle) * x + 0.5


def _soft_edge(inside: np.ndarray, edge: float) -> np.ndarray:
    """Return 1 inside and 0 outside, with a ramp of the width of the edge between them, so that borders are smooth."""
    return np.clip(inside / edge + 0.5, 0, 1)


def _stretch(noise: np.ndarray) -> np.ndarray:
    """Scale noise to a mean of 0.5 and a standard deviation of 0.2, and clip it to 0 and 1."""
    return np.clip(0.5 + noise / (5 * noise.std() + 1e-12), 0, 1)
