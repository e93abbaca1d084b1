"""Files with the fits of one label curve."""

from collections.abc import Sequence

import numpy as np

from eurosat_transfer.evaluation.label_curve import Fit
from eurosat_transfer.io.npz import read_npz, write_npz

CURVE_FILE = "data/{}_labels.npz"


def write_curve(classifier: str, images: int, fits: Sequence[Fit]) -> None:
    """Write data/<classifier>_labels.npz.

    Its arrays are those of a Fit: images and draw, int64, (fits,), and correct, bool, (fits, test images).

    Args:
        classifier: its name.
        images: number of test images.
        fits: of this classifier. It can be empty.

    Raises:
        OSError: the file cannot be written.
    """
    arrays = {
        "images": np.array([fit.images for fit in fits], np.int64),
        "draw": np.array([fit.draw for fit in fits], np.int64),
        "correct": np.array([fit.correct for fit in fits], bool).reshape(len(fits), images),
    }
    write_npz(CURVE_FILE.format(classifier), arrays)


def read_curve(classifier: str) -> list[Fit]:
    """Read the fits that write_curve has written, in their order.

    Args:
        classifier: its name.

    Raises:
        UserError: the file is missing or damaged.
    """
    columns = read_npz(CURVE_FILE.format(classifier), "images", "draw", "correct")
    return [
        Fit(classifier, int(images), int(draw), float(correct.mean()), correct)
        for images, draw, correct in zip(*columns, strict=True)
    ]
