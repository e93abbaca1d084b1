"""The picture of sample tiles."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from eurosat_transfer.data.decoding import decode_image
from eurosat_transfer.io.atomic import atomic_write
from eurosat_transfer.reporting.class_names import picture_names, plain_text
from eurosat_transfer.reporting.drawing_style import default_style

DPI = 80  # with 0.8 inches per tile: 64 pixels


@default_style()
def draw_tile_sheet(path: str, images: Mapping[str, Sequence[bytes]]) -> Figure:
    """Draw encoded images, one row per class.

    Args:
        path: of the PNG file.
        images: encoded, by the name of their class, in the order of the labels.

    Returns:
        The figure that was saved.
    """
    names = list(images)
    columns = max(map(len, images.values()))
    width = columns * 0.8 + 2
    with plain_text(names):
        figure = Figure(figsize=(width, len(images) * 0.8))
        axes = figure.subplots(len(images), columns, squeeze=False)
        for row, name, encoded in zip(axes, picture_names(names, path), images.values(), strict=True):
            for axis, image in zip(row, encoded, strict=False):
                axis.imshow(decode_image(image))
            for axis in row:
                axis.set_axis_off()
            row[0].text(-0.15, 0.5, name, transform=row[0].transAxes, ha="right", va="center")
        figure.subplots_adjust(left=2 / width, right=1, bottom=0, top=1, wspace=0.03, hspace=0.03)
        with atomic_write(path) as part:
            figure.savefig(part, dpi=DPI, format="png")
    return figure
