"""The base class of this project's TFDS builders."""

import functools
import io
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from eurosat_transfer.data.band_description import BandDescription
from eurosat_transfer.data.dataset import BANDS
from eurosat_transfer.data.index import NO_LABEL
from eurosat_transfer.data.tfds import tfds


class FoundTile(NamedTuple):
    """A tile of a source.

    Attributes:
        name: of the file. No other tile has it.
        label: the name of its class. None: it has no label.
        image: the encoded image, JPEG or PNG.
        bands: (height, width, bands), if the data set has bands. None: the image is all that there is.
    """

    name: str
    label: str | None
    image: bytes
    bands: np.ndarray | None = None


class TileBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # type: ignore[call-arg]  # TFDS is untyped
    """A data set with one split of labelled images, which stores their file names like TFDS' own EuroSAT builder.

    Subclasses define `_classes` and `_tiles`. TFDS orders the examples by a hash of the names that `_tiles` yields.

    Attributes:
        columns: what else is known of the tiles when all are read: text, by the names of the column and the tile.
    """

    VERSION = tfds.core.Version("1.0.0")
    DESCRIPTION = ""  # one line, which the report shows

    def __init_subclass__(cls, **kwargs: Any) -> None:
        # TFDS has a data set named `eurosat` of its own, so these builders are not registered under their names.
        super().__init_subclass__(skip_registration=True, **kwargs)

    @functools.cached_property
    def columns(self) -> dict[str, dict[str, str]]:
        """What else is known of the tiles: see the class."""
        return {}

    def _classes(self) -> list[str]:
        """Return the names of the classes, in the order of their labels."""
        raise NotImplementedError

    def _tiles(self) -> Iterator[FoundTile]:
        """Yield the tiles."""
        raise NotImplementedError

    def _bands(self) -> tuple[BandDescription, str] | None:
        """Describe the bands that the tiles have besides their images, and the type of their values."""
        return None

    def _info(self) -> tfds.core.DatasetInfo:
        features = {
            "image": tfds.features.Image(shape=(None, None, 3)),
            "label": tfds.features.ClassLabel(names=self._classes()),
            "filename": tfds.features.Text(),
        }
        metadata = None
        if bands := self._bands():
            description, dtype = bands
            # TFDS compresses the values without loss.
            shape = (None, None, len(description.names))
            features[BANDS] = tfds.features.Tensor(shape=shape, dtype=np.dtype(dtype), encoding="zlib")
            metadata = tfds.core.MetadataDict({BANDS: description.as_metadata()})
        return tfds.core.DatasetInfo(
            builder=self,
            description=self.DESCRIPTION,
            features=tfds.features.FeaturesDict(features),
            supervised_keys=("image", "label"),
            metadata=metadata,
        )

    def _split_generators(self, _: object) -> dict:
        return {"train": self._generate_examples()}

    def _generate_examples(self) -> Iterator[tuple[str, dict]]:
        for tile in self._tiles():
            known = NO_LABEL if tile.label is None else tile.label
            example = {"image": io.BytesIO(tile.image), "label": known, "filename": tile.name}
            yield tile.name, example | ({} if tile.bands is None else {BANDS: tile.bands})
