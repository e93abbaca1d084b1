"""The classifier finetune: a fine-tuned network, evaluated on val and test."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from eurosat_transfer.data.selection import EncodedTiles
from eurosat_transfer.evaluation.predictions import Results
from eurosat_transfer.features.inference import Network
from eurosat_transfer.models.finetuning import finetune, predict_tiles
from eurosat_transfer.parameters.finetune import Finetune
from eurosat_transfer.tensorflow_setup import keras


class EvaluatedFinetune(NamedTuple):
    """The results of fine-tuning.

    Attributes:
        results: predictions for val and test.
        model: the model that predicted test.
        history: Keras' History of the training on train, with an entry per epoch.
    """

    results: Results
    model: keras.Model
    history: keras.callbacks.History


def evaluate_finetune(
    tiles: Mapping[str, EncodedTiles], classes: int, preprocess: bool, params: Finetune, checkpoints: Path
) -> EvaluatedFinetune:
    """Fine-tune the network of the backbone stage on train, and predict val and test.

    With refit, the network that predicts test is fine-tuned once more, on train and val together.

    Args:
        tiles: encoded tiles of train, val and test.
        classes: number of classes.
        preprocess: whether to apply the network's own preprocess_input function to the images.
        params: the stage's parameters.
        checkpoints: folder of the checkpoints.

    Raises:
        UserError: finetune.trainable is too large, an image cannot be decoded, or the training diverges.
    """
    tuned = finetune(tiles["train"], tiles["val"], classes, preprocess, params, checkpoints / "train.npz")
    history = tuned.history
    network = Network(tuned.model, tuned.preprocess)
    val = predict_tiles(network, tiles["val"], "val", params.test_turns)
    if params.refit:
        both = EncodedTiles(*map(np.concatenate, zip(tiles["train"], tiles["val"], strict=True)))
        tuned = finetune(both, None, classes, preprocess, params, checkpoints / "refit.npz")
        network = Network(tuned.model, tuned.preprocess)
    test = predict_tiles(network, tiles["test"], "test", params.test_turns)
    labels = len(tiles["train"].labels) + (len(tiles["val"].labels) if params.refit else 0)
    return EvaluatedFinetune(Results(val, test, labels), tuned.model, history)
