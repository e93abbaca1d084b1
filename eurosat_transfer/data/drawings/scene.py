"""A drawn scene: a mosaic of the drawn tiles' classes, of which the truth is known."""

from pathlib import Path

import numpy as np
import rasterio

from eurosat_transfer.data.drawings.landcover import CLASSES, SIZE
from eurosat_transfer.data.drawings.primitives import smooth
from eurosat_transfer.io.atomic import atomic_write

WIDTH, HEIGHT = 640, 512
NODATA = 255  # in the truth; in the image it is 0
REGION = 128  # typical pixels per side of a region: two tiles
OVERLAP = 8  # pixels in which neighbouring tiles of a region are blended
PIXEL_METRES = 10
CRS = "EPSG:32632"
# Metres per column and row, and the easting and northing of the upper left corner.
TRANSFORM = rasterio.Affine(PIXEL_METRES, 0, 600_000, 0, -PIXEL_METRES, 5_400_000)


def draw_scene(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draw a scene of irregular regions, with a strip of nodata at its right edge, like the edge of a swath.

    Every class has regions. A region is filled with parts that are drawn like tiles of its class. They have one light
    and similar colours, so that a region looks like one piece of land. Rivers and roads do not go on from part to part.

    Args:
        seed: of the drawing. The same seed always draws the same scene.

    Returns:
        image: uint8, (512, 640, 3), RGB. Nodata is 0 in all channels, everything else is 1 to 255.
        truth: uint8, (512, 640), labels: the place of the class in CLASSES, or 255 for nodata.
    """
    rng = np.random.default_rng([seed, 0])  # draw_tile never uses these: its tiles are numbered from 1
    region, labels = _draw_regions(rng)
    image = np.zeros((HEIGHT, WIDTH, 3))
    for number, label in enumerate(labels):
        inside = region == number
        if inside.any():
            rows, columns = (slice(where.min(), where.max() + 1) for where in np.nonzero(inside))
            needed = inside[rows, columns]
            image[rows, columns][needed] = _draw_patch(rng, label, needed)[needed]
    truth = np.array(labels, np.uint8)[region]
    image = np.clip(np.rint(image * 255), 1, 255).astype(np.uint8)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    outside = x > WIDTH - 24 - 0.08 * y
    image[outside], truth[outside] = 0, NODATA
    return image, truth


def write_scene(path: Path | str, image: np.ndarray) -> None:
    """Write a scene as a GeoTIFF with pixels of 10 m in UTM zone 32 and nodata 0. The same image gives the same bytes.

    Args:
        path: of the file.
        image: uint8, (height, width, 3), RGB.
    """
    height, width, bands = image.shape
    with (
        atomic_write(path) as part,
        rasterio.open(
            part, "w", driver="GTiff", width=width, height=height, count=bands, dtype="uint8", nodata=0, crs=CRS,
            transform=TRANSFORM, photometric="RGB", tiled=True, blockxsize=256,
            blockysize=256, compress="deflate", predictor=2, interleave="pixel",
        ) as file,
    ):  # fmt: skip
        file.write(np.moveaxis(image, -1, 0))


def _draw_regions(rng: np.random.Generator) -> tuple[np.ndarray, list[int]]:
    """Draw Voronoi cells with wavy borders: each pixel's cell, int64, (HEIGHT, WIDTH), and each cell's class."""
    rows, columns = HEIGHT // REGION, WIDTH // REGION
    corners = np.stack(np.meshgrid(range(rows), range(columns), indexing="ij"), axis=-1).reshape(-1, 2)
    centres = (corners + rng.uniform(0.15, 0.85, corners.shape)) * REGION
    labels = np.resize(np.arange(len(CLASSES)), len(centres))
    side = max(HEIGHT, WIDTH)
    place = np.mgrid[:HEIGHT, :WIDTH].astype(np.float64)
    for axis in range(2):
        for scale, depth in ((24, 70), (6, 16)):  # bays, then jags
            place[axis] += depth * (smooth(rng, side, scale)[:HEIGHT, :WIDTH] - 0.5)
    distance = np.hypot(place[0][..., None] - centres[:, 0], place[1][..., None] - centres[:, 1])
    return distance.argmin(axis=-1), rng.permutation(labels).tolist()


def _draw_patch(rng: np.random.Generator, label: int, needed: np.ndarray) -> np.ndarray:
    """Fill a rectangle with parts of one class, float64, (height, width, 3), 0 to 1.

    Only parts with a pixel in the mask needed, boolean, (height, width), are drawn. The rest is black.
    """
    draw = list(CLASSES.values())[label]
    step = SIZE - OVERLAP
    height, width = needed.shape
    top, left = rng.integers(OVERLAP, step, 2)
    canvas = np.zeros((height + 3 * SIZE, width + 3 * SIZE, 3))
    total = np.full((*canvas.shape[:2], 1), 1e-9)
    ramp = np.clip((np.arange(SIZE) + 0.5) / OVERLAP, 0, 1)
    edge = np.minimum(ramp, ramp[::-1])
    weight = (edge[:, None] * edge)[..., None]
    padded = np.zeros(canvas.shape[:2], bool)
    padded[top : top + height, left : left + width] = needed
    tone = None  # of the first part: a mean of all would be grey
    for y in range(0, top + height, step):
        for x in range(0, left + width, step):
            place = slice(y, y + SIZE), slice(x, x + SIZE)
            if padded[place].any():
                part = draw(rng)
                mean = part.mean(axis=(0, 1))
                tone = mean if tone is None else tone
                canvas[place] += weight * (part + 0.85 * (tone - mean))
                total[place] += weight
    patch = (canvas / total)[top : top + height, left : left + width]
    patch = patch * rng.uniform(0.8, 1.2) * rng.normal(1, 0.04, 3)  # light and season, like draw_tile
    return np.clip(patch + rng.normal(0, rng.uniform(0.01, 0.03), patch.shape), 0, 1)
