"""The choice of bands that data.bands makes, applied to the bands of a data set."""

from collections.abc import Sequence
from typing import Literal

from eurosat_transfer.data.band_description import BandDescription
from eurosat_transfer.data.band_names import RGB, find_role, tidy_name
from eurosat_transfer.data.rendering import Bands, Scale
from eurosat_transfer.errors import UserError

BandChoice = Sequence[int] | Sequence[str] | Literal["all"]
"""Three numbers from 1, or three names: red, green and blue of the picture, which is what a network sees. "all": a
network sees all bands, and the picture has natural colours."""


def is_numbers(choice: BandChoice | None) -> bool:
    """Tell whether a choice has the numbers of three bands."""
    return choice is not None and all(isinstance(band, int) for band in choice)


def describe_choice(choice: BandChoice, names: Sequence[str], scale: Scale | None) -> BandDescription:
    """Apply a choice of bands.

    Args:
        choice: what data.bands says.
        names: of all bands, in their order.
        scale: the values that become 1 and 255. None: 8-bit values stay as they are.

    Raises:
        UserError: there is no such band.
    """
    if isinstance(choice, str):
        return BandDescription(tuple(names), _natural_colours(names), scale, all_bands=True)
    red, green, blue = (_find_band(band, names) for band in choice)
    return BandDescription(tuple(names), (red, green, blue), scale)


def _find_band(band: int | str, names: Sequence[str]) -> int:
    known = {name.lower(): number for number, name in enumerate(names, 1)}
    if isinstance(band, int):
        if band <= len(names):
            return band
        raise UserError(f"data.bands has the number {band}; allowed: 1 to {len(names)}, the bands of the images")
    if (number := known.get(tidy_name(band).lower())) is not None:
        return number
    raise UserError(f"data.bands has the name {band!r}; allowed: {', '.join(names)}, or numbers from 1, or all")


def _natural_colours(names: Sequence[str]) -> Bands:
    """Find red, green and blue. Without their names, they are the first three bands."""
    places = [find_role(names, colour) for colour in RGB]
    if None in places:
        red, green, blue = (min(number, len(names)) for number in (1, 2, 3))
        print(f"no bands are named red, green and blue, so pictures show the bands {red}, {green} and {blue}")
        return red, green, blue
    red, green, blue = (place + 1 for place in places if place is not None)
    return red, green, blue
