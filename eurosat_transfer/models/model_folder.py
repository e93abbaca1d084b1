"""The folder of the classifier that the stage model saves."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from eurosat_transfer.data.colour_statistics import colour_statistics
from eurosat_transfer.data.decoding import decode_image
from eurosat_transfer.data.rendering import Rendering
from eurosat_transfer.data.selection import EncodedTiles
from eurosat_transfer.data.tile_statistics import measure_tiles
from eurosat_transfer.errors import UserError
from eurosat_transfer.evaluation.conformal import conformal_scores
from eurosat_transfer.evaluation.familiarity import LIMIT, fit_familiarity
from eurosat_transfer.features.feature_set import FeatureSet
from eurosat_transfer.io.atomic import atomic_write
from eurosat_transfer.io.hashing import md5, sha256
from eurosat_transfer.models.onnx_export import export_classifier
from eurosat_transfer.models.saved_classifier import HeldOut, SavedClassifier, fit_on_features
from eurosat_transfer.models.saved_finetune import fit_finetune
from eurosat_transfer.networks.frozen import load_frozen
from eurosat_transfer.parameters.extract import Extract
from eurosat_transfer.parameters.loading import Parameters
from eurosat_transfer.parameters.model import Model
from eurosat_transfer.prediction.batches import classify_images
from eurosat_transfer.prediction.inference import Classifier
from eurosat_transfer.prediction.saved_model import FORMAT, ONNX_FILE, Description, write_description

INPUTS = ("data/array_records", "data/split.csv", "data/backbone", "data/features.npz")
FINETUNED = "data/finetune.weights.h5"


def fit_classifier(
    name: str,
    tiles: Mapping[str, EncodedTiles],
    unlabelled: np.ndarray,
    features: FeatureSet,
    parameters: Parameters,
    checkpoints: Path,
) -> SavedClassifier:
    """Fit the classifier to save.

    Args:
        name: of the classifier.
        tiles: encoded tiles of train and val.
        unlabelled: object, (n,): encoded tiles without labels, for self-training.
        features: of the tiles with labels, and perhaps of UNLABELLED.
        parameters: of the classifiers; model.refit says what it is fitted on.
        checkpoints: folder for the checkpoints of fine-tuning.

    Raises:
        UserError: the features were computed elsewhere, a training diverges, or val is too small.
    """
    if parameters.section(Extract).features:
        raise UserError(
            "extract.features: features that were computed elsewhere come without their network, so there is no model "
            "to save; set extract.features=null, or run other stages by name"
        )
    refit = parameters.section(Model).refit
    if name == "finetune":
        return fit_finetune(tiles, unlabelled, features, parameters, refit, checkpoints)
    network = load_frozen(preprocess=parameters.section(Extract).preprocess)
    return fit_on_features(name, features, network, parameters, refit)


def write_model(
    folder: Path,
    name: str,
    classifier: SavedClassifier,
    tiles: Mapping[str, EncodedTiles],
    classes: list[str],
    confusion: np.ndarray,
    rendering: Rendering,
) -> None:
    """Write the ONNX file of a classifier, and its description.

    Args:
        folder: an existing folder.
        name: of the classifier.
        classifier: the fitted classifier.
        tiles: encoded tiles of train and val.
        classes: names by label.
        confusion: on test, int64, (classes, classes).
        rendering: how the tiles became RGB.

    Raises:
        OSError: the disk is full.
    """
    seen = [image for subset in classifier.subsets for image in tiles[subset].images]
    colours = np.stack([colour_statistics(decode_image(image)) for image in seen])
    familiarity = fit_familiarity(classifier.X, colours)
    with atomic_write(folder / ONNX_FILE) as part:
        part.write_bytes(export_classifier(classifier, familiarity).SerializeToString(deterministic=True))
    statistics = measure_tiles(tiles["train"].images)
    held_out = classifier.held_out or _predict_val(
        Classifier(folder / ONNX_FILE, tile_size=statistics.size), tiles["val"]
    )
    inputs = (*INPUTS, *([FINETUNED] if name == "finetune" else []))
    description = Description(
        format=FORMAT,
        classifier=name,
        classes=classes,
        tile_size=statistics.size,
        bands=rendering.bands,
        scale=rendering.scale,
        histograms=statistics.histograms.tolist(),
        calibration_scores=conformal_scores(*held_out).tolist(),
        calibrated_on="train and val, by cross-validation" if classifier.held_out else "val",
        distance_threshold=LIMIT,
        confusion=confusion.tolist(),
        made_from={path: md5(Path(path)) for path in inputs},
        onnx_sha256=sha256(folder / ONNX_FILE),
    )
    write_description(folder, description)


def _predict_val(classifier: Classifier, val: EncodedTiles) -> HeldOut:
    outputs = classify_images(classifier, map(decode_image, val.images))
    return HeldOut(np.concatenate([of.probabilities for of in outputs]), val.labels)
