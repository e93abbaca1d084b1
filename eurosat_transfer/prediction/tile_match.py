"""Check that the images of a run look like the training tiles, before they are classified.

A single image may look like anything: the output calls it unfamiliar. But if most of them are unfamiliar, and their
colours would fit the training tiles much better with another scale, offset or order of the bands, then something is
wrong with the whole run.
"""

from collections.abc import Sequence

import numpy as np

from eurosat_transfer.data.decoding import ImageError
from eurosat_transfer.data.image_files import read_rgb
from eurosat_transfer.data.rendering import Rendering, RenderingError
from eurosat_transfer.data.tile_statistics import LEVELS, count_levels
from eurosat_transfer.prediction.predictor import Predictor
from eurosat_transfer.prediction.saved_model import Description
from eurosat_transfer.prediction.scene_match import check_scene
from eurosat_transfer.prediction.sources import Source, UnreadableError, read_source

SAMPLE = 64  # images
LEAST = 10  # images; fewer say too little about the others
MOSTLY = 0.5  # of the images; of EuroSAT's test images, 6 % are unfamiliar


def check_images(
    sample: Sequence[Source], rendering: Rendering, predictor: Predictor, description: Description
) -> None:
    """Refuse images that are mostly unfamiliar, and whose colours are far from those of the training tiles.

    Args:
        sample: images from all over the run, up to SAMPLE.
        rendering: makes RGB images of rasters.
        predictor: applies the model and the rendering.
        description: of the model.

    Raises:
        UserError: the images are far from the training tiles. The message says what they look like and which option
            mends it.
    """
    (results,) = predictor.predict([list(sample)])
    distances = results.outputs.distances[~np.isnan(results.outputs.distances)]
    if len(distances) < LEAST or (distances > description.distance_threshold).mean() <= MOSTLY:
        return
    histograms = np.zeros((3, LEVELS), np.int64)
    for place, source in enumerate(sample):
        if place not in results.problems:
            histograms += _count(source, rendering)
    check_scene(histograms, np.array(description.histograms), rendering, name="the set of images")


def _count(source: Source, rendering: Rendering) -> np.ndarray:
    try:
        return count_levels(read_rgb(read_source(source), rendering))
    except (UnreadableError, ImageError, RenderingError):  # it was deleted a moment ago, or is too large
        return np.zeros((3, LEVELS), np.int64)
