"""The classifier finetune: a fine-tuned network, evaluated on val and test."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from eurosat_transfer.data.label_subsets import nested_label_subsets
from eurosat_transfer.data.selection import EncodedTiles, join_tiles
from eurosat_transfer.evaluation.label_curve import Fit
from eurosat_transfer.evaluation.predictions import Results
from eurosat_transfer.features.inference import Network
from eurosat_transfer.models.finetuning import predict_tiles
from eurosat_transfer.models.self_training import train_network
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
    tiles: Mapping[str, EncodedTiles],
    unlabelled: np.ndarray,
    classes: int,
    preprocess: bool,
    params: Finetune,
    checkpoints: Path,
) -> EvaluatedFinetune:
    """Fine-tune the network of the backbone stage on train, and predict val and test.

    With refit, the network that predicts test is fine-tuned once more, on train and val together.

    Args:
        tiles: encoded tiles of train, val and test.
        unlabelled: object, (n,): encoded tiles without labels.
        classes: number of classes.
        preprocess: whether to apply the network's own preprocess_input function to the images.
        params: the stage's parameters.
        checkpoints: folder of the checkpoints.

    Raises:
        UserError: finetune.trainable is too large, an image cannot be decoded, or the training diverges.
    """
    common = (unlabelled, classes, preprocess, params)
    tuned = train_network(tiles["train"], tiles["val"], *common, checkpoints / "train.npz")
    history, pseudo_labels = tuned.history, list(tuned.pseudo_labels)
    network = Network(tuned.model, tuned.preprocess)
    val = predict_tiles(network, tiles["val"], "val", params.test_turns)
    if params.refit:
        both = join_tiles(tiles["train"], tiles["val"])
        tuned = train_network(both, None, *common, checkpoints / "refit.npz")
        pseudo_labels += tuned.pseudo_labels
        network = Network(tuned.model, tuned.preprocess)
    test = predict_tiles(network, tiles["test"], "test", params.test_turns)
    labels = len(tiles["train"].labels) + (len(tiles["val"].labels) if params.refit else 0)
    used = len(unlabelled) if pseudo_labels else None
    results = Results(val, test, labels, unlabelled=used, pseudo_labels=tuple(pseudo_labels))
    return EvaluatedFinetune(results, tuned.model, history)


def finetune_label_subsets(
    tiles: Mapping[str, EncodedTiles],
    unlabelled: np.ndarray,
    classes: int,
    preprocess: bool,
    params: Finetune,
    checkpoints: Path,
) -> list[Fit]:
    """Fine-tune on nested subsets of train, one for each of finetune.label_sizes, and measure the accuracy on test.

    Args:
        tiles: encoded tiles of train, val and test.
        unlabelled: object, (n,): encoded tiles without labels.
        classes: number of classes.
        preprocess: whether to apply the network's own preprocess_input function to the images.
        params: the stage's parameters.
        checkpoints: folder of the checkpoints.

    Returns:
        One fit for each size that every class has enough images for, in increasing order of size.

    Raises:
        UserError: a loss becomes NaN or infinite.
    """
    fits = []
    for positions in nested_label_subsets(tiles["train"].labels, params.label_sizes, params.seed):
        train = tiles["train"].select(positions)
        checkpoint = checkpoints / f"{len(positions)}.npz"
        tuned = train_network(train, tiles["val"], unlabelled, classes, preprocess, params, checkpoint)
        test = predict_tiles(Network(tuned.model, tuned.preprocess), tiles["test"], "test", params.test_turns)
        fits.append(Fit("finetune", len(positions), 0, test.accuracy, test.predicted == test.actual))
    return fits
