"""Grey patterns to compose drawings from: each an array (size, size), float, 0 to 1, at a random place and angle."""

import numpy as np
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter


def smooth(rng: np.random.Generator, size: int, scale: float) -> np.ndarray:
    """Noise without structure finer than scale pixels."""
    return _stretched(gaussian_filter(rng.standard_normal((size, size)), scale, mode="wrap"))


def band(rng: np.random.Generator, size: int, cycles: float, spread: float = np.pi) -> np.ndarray:
    """Noise around one spatial frequency (cycles a tile), its direction within spread radians of a random one."""
    fy, fx = np.meshgrid(np.fft.fftfreq(size, 1 / size), np.fft.fftfreq(size, 1 / size), indexing="ij")
    ring = np.exp(-0.5 * ((np.hypot(fx, fy) - cycles) / (0.25 * cycles + 0.5)) ** 2)
    turn = np.angle(np.exp(2j * (np.arctan2(fy, fx) - rng.uniform(0, np.pi)))) / 2
    spectrum = np.fft.fft2(rng.standard_normal((size, size))) * ring * np.exp(-0.5 * (turn / spread) ** 2)
    return _stretched(np.fft.ifft2(spectrum).real)


def stripes(rng: np.random.Generator, size: int, cycles: float, duty: float, wave: float = 0.0) -> np.ndarray:
    """Parallel stripes, a share duty of them bright, bent by up to wave tiles."""
    x, y = _turned(rng, size)
    phase = cycles * (x + wave * np.sin(2 * np.pi * (y + rng.uniform()))) + rng.uniform()
    return _soft(duty / 2 - np.abs(phase % 1 - 0.5), 0.7 * cycles / size)


def lattice(rng: np.random.Generator, size: int, cycles: float, radius: float, jitter: float = 0.0) -> np.ndarray:
    """Dots of a radius (in spacings) on a square lattice, each moved by up to jitter spacings."""
    x, y = _turned(rng, size)
    u, v = cycles * x + rng.uniform(), cycles * y + rng.uniform()
    i, j = np.floor(u).astype(int), np.floor(v).astype(int)
    moves = rng.uniform(-jitter, jitter, (2, 101, 103))
    du, dv = moves[0, i % 101, j % 103], moves[1, i % 101, j % 103]
    return _soft(radius - np.hypot(u - i - 0.5 - du, v - j - 0.5 - dv), 0.7 * cycles / size)


def cells(rng: np.random.Generator, size: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """A Voronoi division into up to count (2 or more) cells: each pixel's cell, and how far its border is (pixels)."""
    points = rng.uniform(-0.1 * size, 1.1 * size, (count, 2))
    y, x = np.mgrid[:size, :size]
    distance = np.hypot(y[..., None] - points[:, 0], x[..., None] - points[:, 1])
    nearest = np.sort(distance, axis=-1)[..., :2]
    return distance.argmin(axis=-1), (nearest[..., 1] - nearest[..., 0]) / 2


def rectangles(rng: np.random.Generator, size: int, count: int, side: float, aligned: bool) -> np.ndarray:
    """Rectangles of about side pixels in tones of their own on 0, all turned alike or each as it likes."""
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
    """Lines of a width in pixels right across the tile, bent by up to bend tiles."""
    result = np.zeros((size, size))
    for _ in range(count):
        x, y = _turned(rng, size)
        curve = bend * np.sin(np.pi * rng.uniform(1, 2.5) * y + rng.uniform(0, 2 * np.pi))
        distance = np.abs(x - 0.5 + rng.uniform(-0.35, 0.35) + curve) * size
        result = np.maximum(result, _soft(width / 2 - distance, 0.7))
    return result


def _turned(rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates of the pixels in tiles, turned about the middle by a random angle."""
    y, x = (np.mgrid[:size, :size] + 0.5) / size - 0.5
    angle = rng.uniform(0, 2 * np.pi)
    return np.cos(angle) * x + np.sin(angle) * y + 0.5, np.cos(angle) * y - np.sin(angle) * x + 0.5


def _soft(inside: np.ndarray, edge: float) -> np.ndarray:
    """0 outside, 1 inside, over an edge this wide: no staircase."""
    return np.clip(inside / edge + 0.5, 0, 1)


def _stretched(noise: np.ndarray) -> np.ndarray:
    return np.clip(0.5 + noise / (5 * noise.std() + 1e-12), 0, 1)
