"""The picture of a map: the scene beside its classes."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from eurosat_transfer.io.atomic import atomic_write
from eurosat_transfer.reporting.class_names import can_draw, name_entries, picture_names, plain_text
from eurosat_transfer.reporting.drawing_style import default_style
from eurosat_transfer.reporting.palette import class_colours

DPI = 110
WIDTH = 10.0  # inches
NODATA = 255  # in classes and in codes
UNSURE, UNFAMILIAR = 1, 2  # codes
NODATA_COLOUR = "#ffffff"  # a light grey would look like a class
STRIPES = 90  # diagonal stripes over the width of the map


@default_style()
def draw_map(
    path: Path | str,
    scene: np.ndarray,
    classes: np.ndarray,
    codes: np.ndarray,
    class_names: Sequence[str],
    pixel_metres: float | None,
    title: str,
) -> Figure:
    """Draw a scene beside the map of its classes, with a legend of the classes that occur and a scale bar.

    Unsure pixels have white stripes. Unfamiliar pixels have black stripes.

    Args:
        path: of the PNG file.
        scene: uint8, (h, w, 3), RGB. Pixels that are 0 in all channels are shown as nodata. More than 1,200 pixels per
            side are not visible.
        classes: uint8, (h, w), labels, or 255 for nodata.
        codes: uint8, (h, w): 0 sure, 1 unsure, 2 unfamiliar, 255 nodata.
        class_names: names by label.
        pixel_metres: side of a pixel of these arrays in metres, after any reduction. None: not known, so there is no
            scale bar.
        title: of the picture.

    Returns:
        The figure that was saved.
    """
    height, width = classes.shape
    side = WIDTH / 2 - 0.1
    with plain_text([*class_names, title]):
        entries = list(_make_legend(classes, codes, picture_names(class_names, path)))
        columns = max(1, int(WIDTH / (0.55 + 0.085 * max(len(str(entry.get_label())) for entry in entries))))
        legend_height = 0.24 * -(-len(entries) // columns)
        size = (WIDTH, min(side * height / width, 2 * WIDTH) + legend_height + 0.9)
        figure = Figure(figsize=size, layout="constrained")
        left, right = figure.subplots(1, 2)
        left.imshow(np.where((scene == 0).all(axis=-1)[..., None], _rgb(NODATA_COLOUR), scene))
        left.set_title("scene")
        right.imshow(_colour_classes(classes, codes, class_colours(class_names)))
        right.set_title("classes")
        for axis in (left, right):
            axis.set_xticks([])
            axis.set_yticks([])
        if pixel_metres is not None:
            _add_scale_bar(left, width, height, pixel_metres)
        figure.suptitle(title if can_draw(title) else "map")
        labels = [str(entry.get_label()) for entry in entries]
        numbers = list(map(str, range(len(labels))))
        name_entries(figure.legend(entries, numbers, loc="outside lower center", ncols=columns, frameon=False), labels)
        with atomic_write(path) as part:
            figure.savefig(part, dpi=DPI, format="png")
    return figure


def choose_bar(metres: float) -> tuple[float, str]:
    """Choose the length of a scale bar: the largest of 1, 2 or 5 times a power of ten that fits.

    Args:
        metres: the longest length that is allowed, more than 0.

    Returns:
        The length in metres, and its label.
    """
    power = 10.0 ** np.floor(np.log10(metres))
    length = float(power * max(step for step in (1, 2, 5) if step == 1 or step * power <= metres))
    return length, f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m"


def _make_legend(classes: np.ndarray, codes: np.ndarray, class_names: Sequence[str]) -> Iterator[Patch]:
    """Make an entry for each class that occurs, with its share of the pixels that have data."""
    data = classes != NODATA
    count = max(int(data.sum()), 1)
    for label, colour in enumerate(class_colours(class_names)):
        share = (classes == label).sum() / count
        if share:
            yield Patch(facecolor=colour, label=f"{class_names[label]} {share:.1%}")
    for code, name, colour in ((UNSURE, "unsure", "white"), (UNFAMILIAR, "unfamiliar", "black")):
        share = (data & (codes == code)).sum() / count
        if share:
            yield Patch(facecolor="#9aa4ae", edgecolor=colour, hatch="////", linewidth=0, label=f"{name} {share:.1%}")
    if not data.all():
        yield Patch(facecolor=NODATA_COLOUR, edgecolor="#9aa4ae", label="no data")


def _colour_classes(classes: np.ndarray, codes: np.ndarray, colours: Sequence[str]) -> np.ndarray:
    """Colour a map, with stripes where it is unsure or unfamiliar, uint8, (h, w, 3)."""
    table = np.tile(_rgb(NODATA_COLOUR), (NODATA + 1, 1))
    table[: len(colours)] = [_rgb(colour) for colour in colours]
    image = table[classes]
    y, x = np.indices(classes.shape)
    period = max(3, round(classes.shape[1] / STRIPES))
    stripes = ((x + y) % period < period / 3) & (classes != NODATA)
    image[stripes & (codes == UNSURE)] = 255
    image[stripes & (codes == UNFAMILIAR)] = 0
    return image


def _add_scale_bar(axis: Axes, width: int, height: int, pixel_metres: float) -> None:
    """Draw a scale bar of up to a quarter of the width in the lower left corner of a picture."""
    length, label = choose_bar(width * pixel_metres / 4)
    bar, margin = length / pixel_metres, 0.03 * width
    x, y, thick = 1.5 * margin, height - 1.5 * margin, 0.012 * width
    box = (x - 0.6 * margin, y - thick - 1.9 * margin)
    axis.add_patch(Rectangle(box, bar + 1.2 * margin, thick + 2.5 * margin, facecolor="white", alpha=0.85, linewidth=0))
    axis.add_patch(Rectangle((x, y - thick), bar, thick, facecolor="black", linewidth=0))
    axis.text(x + bar / 2, y - thick - 0.2 * margin, label, ha="center", va="bottom", fontsize=9)


def _rgb(colour: str) -> np.ndarray:
    return np.rint(255 * np.array(to_rgb(colour))).astype(np.uint8)
