"""The builder for the embedded default: 2,700 drawn tiles, in EuroSAT's class proportions."""

import io
from collections.abc import Iterator

from PIL import Image
from tqdm import tqdm

from eurosat_transfer.data.builders.base import FoundTile, TileBuilder
from eurosat_transfer.data.drawings.landcover import CLASSES, draw_tile

# Images per class: a tenth of EuroSAT's.
COUNTS = dict.fromkeys(CLASSES, 300) | dict.fromkeys(("Highway", "Industrial", "PermanentCrop", "River"), 250)
COUNTS["Pasture"] = 200


class LandcoverDemo(TileBuilder):
    """Drawn tiles of ten classes. They are not satellite images."""

    DESCRIPTION = "Drawn tiles of ten classes: drawings, not satellite images."

    def _classes(self) -> list[str]:
        return list(CLASSES)

    def _tiles(self) -> Iterator[FoundTile]:
        tiles = [(label, number) for label, count in COUNTS.items() for number in range(1, count + 1)]
        for label, number in tqdm(tiles, desc="drawing tiles", unit="tile", mininterval=1, disable=None):
            buffer = io.BytesIO()
            Image.fromarray(draw_tile(label, number)).save(buffer, "JPEG", quality=90)
            yield FoundTile(f"{label}_{number}.jpg", label, buffer.getvalue())
