"""The names of the bands of satellite images."""

import re
from collections.abc import Sequence

RGB = ("red", "green", "blue")
# EuroSAT's tiles have B8A last. Several projects had it ninth, where Sentinel-2's own order has it:
# https://github.com/torchgeo/torchgeo/issues/2458. So bands are taken by name.
EUROSAT = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B09", "B10", "B11", "B12", "B8A")
EUROSAT_PICTURE = ("B04", "B03", "B02")

ROLES = {  # what a band measures, by its name
    "red": ("B04", "red"),
    "green": ("B03", "green"),
    "blue": ("B02", "blue"),
    "near infrared": ("B08", "nir"),
    "short-wave infrared": ("B11", "swir1", "swir16"),
}


def tidy_name(name: str) -> str:
    """Write the name of a band as EuroSAT does: B4, b04 and B04 are B04, and b8a and B08A are B8A.

    Args:
        name: as somebody wrote it. Names that are not of Sentinel-2 stay as they are.
    """
    found = re.fullmatch(r"[Bb]0*(\d{1,2})([Aa]?)", name.strip())
    if not found:
        return name.strip()
    number, letter = found.groups()
    return f"B{number}A" if letter else f"B{int(number):02d}"


def number_names(count: int) -> tuple[str, ...]:
    """Name bands by their numbers: "1", "2" and so on, for files that do not name their bands.

    Args:
        count: how many bands there are.
    """
    return tuple(str(number) for number in range(1, count + 1))


def find_role(names: Sequence[str], role: str) -> int | None:
    """Find the band that measures something.

    Args:
        names: of all bands.
        role: one of ROLES.

    Returns:
        The position of the band, from 0. None if no band has one of the names for it.
    """
    wanted = {name.lower() for name in ROLES[role]}
    return next((place for place, name in enumerate(names) if name.lower() in wanted), None)
