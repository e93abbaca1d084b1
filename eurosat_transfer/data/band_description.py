"""What a data set with bands says about them. It travels with the data, in the metadata of TFDS."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from eurosat_transfer.data.rendering import Bands, Rendering, Scale


@dataclass(frozen=True)
class BandDescription:
    """The bands of a data set.

    Attributes:
        names: of all bands, in the order in which they are stored.
        picture: the numbers of the bands that are red, green and blue in pictures, from 1.
        scale: the value that becomes 1 and the value that becomes 255, in pictures and for networks. None: 8-bit values
            stay as they are.
        all_bands: whether a network sees all bands. Otherwise it sees the picture.
    """

    names: tuple[str, ...]
    picture: Bands
    scale: Scale | None
    all_bands: bool = False

    @property
    def rendering(self) -> Rendering:
        """How the bands become a picture."""
        return Rendering(self.picture, self.scale)

    def as_metadata(self) -> dict[str, Any]:
        """Return the description as JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, Any]) -> "BandDescription":
        """Read a description that as_metadata returned.

        Args:
            metadata: of the data set.

        Raises:
            KeyError, TypeError, ValueError: a part is missing or of another kind.
        """
        red, green, blue = metadata["picture"]
        scale = None if metadata["scale"] is None else (metadata["scale"][0], metadata["scale"][1])
        return cls(tuple(metadata["names"]), (red, green, blue), scale, metadata["all_bands"])
