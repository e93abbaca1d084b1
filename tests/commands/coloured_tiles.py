"""Flat tiles of three colours, with neutral names."""

import numpy as np
from PIL import Image

COLOURS = {"Lake": (20, 40, 200), "Meadow": (40, 180, 60), "Sand": (220, 190, 90)}


def write_tiles(folder, each=8):
    """Write the tiles into a new folder. Returns the true class of each file."""
    rng = np.random.default_rng(0)
    truth = {}
    folder.mkdir()
    for number in range(each * len(COLOURS)):
        name = list(COLOURS)[number % len(COLOURS)]
        pixels = np.clip(np.array(COLOURS[name]) + rng.normal(0, 12, (32, 32, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"tile_{number:02}.png")
        truth[f"tile_{number:02}.png"] = name
    return truth
