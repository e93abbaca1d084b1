"""The embedded default: drawings in place of EuroSAT, 2,700 of them in EuroSAT's proportions."""

import io
from collections.abc import Iterator

from PIL import Image
from tqdm import tqdm

from stages.datasets.builder import TileBuilder
from stages.drawn.landcover import CLASSES, draw_tile

COUNTS = dict.fromkeys(CLASSES, 300) | dict.fromkeys(("Highway", "Industrial", "PermanentCrop", "River"), 250)
COUNTS["Pasture"] = 200


class LandcoverDemo(TileBuilder, skip_registration=True):
    """Drawn tiles of ten classes: not satellite images."""

    DESCRIPTION = "Drawn tiles of ten classes: drawings, not satellite images."

    def _classes(self) -> list[str]:
        return list(CLASSES)

    def _tiles(self) -> Iterator[tuple[str, str, bytes]]:
        tiles = [(label, number) for label, count in COUNTS.items() for number in range(1, count + 1)]
        for label, number in tqdm(tiles, desc="drawing tiles", unit="tile", mininterval=1, disable=None):
            buffer = io.BytesIO()
            Image.fromarray(draw_tile(label, number)).save(buffer, "JPEG", quality=90)
            yield f"{label}_{number}.jpg", label, buffer.getvalue()
