"""The classifier pixels: a support vector machine on the raw pixels."""

import dataclasses

import numpy as np

from eurosat_transfer.errors import UserError
from eurosat_transfer.evaluation.predictions import Results
from eurosat_transfer.features.feature_set import FeatureSet
from eurosat_transfer.models.svm import evaluate_svm
from eurosat_transfer.parameters.pixels import Pixels


def evaluate_pixels(pixels: FeatureSet, params: Pixels) -> Results:
    """Fit a support vector machine on the raw pixels of train, and predict val and test.

    Args:
        pixels: uint8, (n, values), of train, val and test.
        params: kernel and C.

    Raises:
        UserError: there are no pixels.
    """
    if pixels.X["train"].shape[1] == 0:
        raise UserError(
            "extract.features: features that were computed elsewhere come without images to classify; set "
            "extract.features=null, or run other stages by name"
        )
    scaled = {subset: X.astype(np.float32) / 255 for subset, X in pixels.X.items()}
    return evaluate_svm(dataclasses.replace(pixels, X=scaled), params, "pixels")
