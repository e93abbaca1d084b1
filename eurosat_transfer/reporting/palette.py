"""The colours of classes, classifiers and activations, which are the same in every picture."""

import colorsys
import zlib
from collections.abc import Sequence

# Tableau 10, then the light halves of Tableau 20.
CLASS_COLOURS = (
    "#4e79a7", "#f28e2b", "#e15759", "#76b7b2", "#59a14f", "#edc948", "#b07aa1", "#ff9da7", "#9c755f", "#bab0ac",
    "#a0cbe8", "#ffbe7d", "#d37295", "#86bcb6", "#8cd17d", "#b6992d", "#d4a6c8", "#fabfd2", "#d7b5a6", "#79706e",
)  # fmt: skip

# Of EuroSAT's classes, from the same palettes: on a map, readers expect green woods and blue water.
LAND_COVER_COLOURS = {
    "AnnualCrop": "#edc948",
    "Forest": "#59a14f",
    "HerbaceousVegetation": "#b6992d",
    "Highway": "#79706e",
    "Industrial": "#b07aa1",
    "Pasture": "#8cd17d",
    "PermanentCrop": "#f28e2b",
    "Residential": "#e15759",
    "River": "#a0cbe8",
    "SeaLake": "#4e79a7",
}

# Of classifiers and activations. The first six are from Okabe and Ito, 2008, Color Universal Design: readers with any
# kind of colour vision can tell them apart.
LINE_COLOURS = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#882255", "#999933", "#332288", "#666666",
)  # fmt: skip
SALT = 1006  # with it, all classifiers of the project have different colours
ACTIVATION_COLOURS = {"sigmoid": "#785ef0", "relu": "#fe6100"}  # of IBM's palette: no classifier has them


def class_colours(classes: Sequence[str]) -> list[str]:
    """Choose a colour for each class. It depends on the classes only: on their names if all are EuroSAT's.

    Args:
        classes: names of the classes, by label.

    Returns:
        Colours as #rrggbb, by label. They are all different.
    """
    if set(classes) <= LAND_COVER_COLOURS.keys():
        return [LAND_COVER_COLOURS[name] for name in classes]
    if len(classes) <= len(CLASS_COLOURS):
        return list(CLASS_COLOURS[: len(classes)])
    # Neighbours on the colour circle get another brightness.
    return [_hex(i / len(classes), (0.4, 0.55, 0.7)[i % 3]) for i in range(len(classes))]


def classifier_colour(name: str) -> str:
    """Give the colour of a classifier, as #rrggbb.

    It follows from the name alone. A list of classifiers would be a dependency of every stage that draws a picture, so
    that a new classifier would run all of them again.

    Args:
        name: of the classifier.
    """
    return LINE_COLOURS[zlib.crc32(f"{SALT} {name}".encode()) % len(LINE_COLOURS)]


def activation_colour(name: str) -> str:
    """Give the colour of an activation, as #rrggbb.

    Args:
        name: of the activation, in upper or lower case.
    """
    return ACTIVATION_COLOURS.get(name.lower()) or classifier_colour(name)


def _hex(hue: float, lightness: float) -> str:
    return "#" + "".join(f"{round(255 * part):02x}" for part in colorsys.hls_to_rgb(hue, lightness, 0.65))
