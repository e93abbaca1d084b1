"""The fine-tuned network that the stage model saves."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np

from eurosat_transfer.data.selection import EncodedTiles, join_tiles
from eurosat_transfer.features.feature_set import FeatureSet
from eurosat_transfer.features.inference import Network
from eurosat_transfer.models.finetuning import FineTuned, build_head, predict_tiles
from eurosat_transfer.models.saved_classifier import HeldOut, SavedClassifier, cross_validation_folds
from eurosat_transfer.models.self_training import train_network
from eurosat_transfer.networks.backbones import load_backbone
from eurosat_transfer.parameters.extract import Extract
from eurosat_transfer.parameters.finetune import Finetune
from eurosat_transfer.parameters.loading import Parameters
from eurosat_transfer.parameters.split import Split
from eurosat_transfer.tensorflow_setup import keras, tf

FINETUNED_WEIGHTS = Path("data/finetune.weights.h5")


def load_finetuned(classes: int, params: Finetune, weights: Path = FINETUNED_WEIGHTS) -> keras.Model:
    """Load the fine-tuned network that was tested.

    Args:
        classes: number of classes.
        params: of the stage finetune.
        weights: path of its weights.

    Returns:
        Preprocessed images, float32, (n, size, size, 3) -> probabilities, float32, (n, classes). The last layer has
        all new layers.
    """
    backbone, _ = load_backbone(pretrained=False)
    model = keras.Model(backbone.input, build_head(backbone.output_shape[1:], classes, params)(backbone.output))
    model.load_weights(weights)
    return model


def fit_finetune(
    tiles: Mapping[str, EncodedTiles],
    unlabelled: np.ndarray,
    features: FeatureSet,
    parameters: Parameters,
    refit: bool,
    checkpoints: Path,
) -> SavedClassifier:
    """Load the network that was tested, or fine-tune once more.

    Every training is as the one that was tested. With self-training, it has all its rounds, and the images without
    labels. So pseudo-labels never come from a network that knows the label of a held-out image.

    Args:
        tiles: encoded tiles of train and val.
        unlabelled: object, (n,): encoded tiles without labels.
        features: of the same tiles by the frozen network. They show which tiles are copies, in the cross-validation.
        parameters: of the fine-tuning.
        refit: False loads the network that was tested. True fine-tunes on train and val, unless the tested network was
            trained on both.
        checkpoints: folder of the checkpoints.

    Raises:
        UserError: a training diverges, or no class has two different images to cross-validate on.
    """
    params, classes = parameters.section(Finetune), len(features.classes)
    _, own_preprocess = load_backbone()
    preprocess = own_preprocess if parameters.section(Extract).preprocess else tf.identity
    has_seen_val = refit or params.refit
    subsets = ("train", "val") if has_seen_val else ("train",)
    known = join_tiles(*(tiles[subset] for subset in subsets))
    train = partial(_finetune, unlabelled=unlabelled, classes=classes, parameters=parameters)
    # With several folds, the saved weights are of the first fold, and `known` are all labels.
    if refit and (not params.refit or parameters.section(Split).folds > 1):
        model = train(known, checkpoint=checkpoints / "model.npz").model
    else:
        model = load_finetuned(classes, params)
    held_out = None
    if has_seen_val:
        outputs = []
        X, y = features.select("train", "val")
        for number, fold in enumerate(cross_validation_folds(X, y)):
            tuned = train(known.select(fold.fit), checkpoint=checkpoints / f"fold_{number}.npz")
            unseen = known.select(fold.held_out)
            predicted = predict_tiles(Network(tuned.model, tuned.preprocess), unseen, "held out", params.test_turns)
            outputs.append((predicted.probabilities, unseen.labels))
        held_out = HeldOut(*map(np.concatenate, zip(*outputs, strict=True)))
    network = keras.Model(model.input, model.layers[-2].output)
    X = Network(network, preprocess).predict(known.images, "features")
    return SavedClassifier(network, preprocess, model.layers[-1], params.test_turns, X, subsets, held_out)


def _finetune(
    train: EncodedTiles, unlabelled: np.ndarray, classes: int, parameters: Parameters, checkpoint: Path
) -> FineTuned:
    preprocess = parameters.section(Extract).preprocess
    return train_network(train, None, unlabelled, classes, preprocess, parameters.section(Finetune), checkpoint)
