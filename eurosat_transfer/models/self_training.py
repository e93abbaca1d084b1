"""Self-training: fine-tuning on labels and on pseudo-labels, which the classifier spread gives to other images.

Every round has two steps. First the classifier spread labels the images by their features. These come from the
pretrained network in the first round, and then from the network of the round before. Images with a confident label
become training images. From the second round on, the confidence is no probability, because the network has seen
these images before. Then the pretrained network is fine-tuned on them, from its start, so that it does not keep the
mistakes of the round before.

Source:
    Xie et al., 2020, Self-training with Noisy Student improves ImageNet classification, for the rounds.
    Sohn et al., 2020, FixMatch, for the threshold and the strong augmentation.
    Iscen et al., 2019, Label Propagation for Deep Semi-supervised Learning, for the labels that spread.
"""

from pathlib import Path

import numpy as np

from eurosat_transfer.data.selection import EncodedTiles, join_tiles
from eurosat_transfer.errors import UserError
from eurosat_transfer.features.inference import Network
from eurosat_transfer.io.npz import read_npz, write_npz
from eurosat_transfer.models.finetuning import FineTuned, finetune
from eurosat_transfer.models.spread import fit_spread
from eurosat_transfer.networks.wide_backbone import load_network_for
from eurosat_transfer.parameters.finetune import Finetune
from eurosat_transfer.parameters.spread import Spread
from eurosat_transfer.tensorflow_setup import keras, make_reproducible

NOT_CONFIDENT = -1  # in place of a label
# The defaults of the section spread. The section itself is of the frozen network, and finetune does not depend on it.
SPREAD = Spread(neighbours=14, components=64, alpha=0.9)


def train_network(
    train: EncodedTiles,
    val: EncodedTiles | None,
    unlabelled: np.ndarray,
    classes: int,
    preprocess: bool,
    params: Finetune,
    checkpoint: Path,
) -> FineTuned:
    """Fine-tune the network that the backbone stage saved, with or without images without labels.

    Args:
        train: tiles to learn from.
        val: tiles to evaluate after each epoch, or None.
        unlabelled: object, (n,): encoded tiles without labels. Only self-training uses them.
        classes: number of classes.
        preprocess: whether to apply the network's own preprocess_input function to the images.
        params: the stage's parameters.
        checkpoint: file of the state after the last complete epoch. If it exists, training resumes there. Each round of
            self-training has two files of its own beside it.

    Returns:
        The trained network.

    Raises:
        UserError: finetune.trainable is too large, an image cannot be decoded, or a loss becomes NaN or infinite.
    """
    if params.unlabelled == "none":
        return finetune(train, val, classes, preprocess, params, checkpoint)
    if not len(unlabelled):
        raise UserError(
            "finetune.unlabelled=self-training: split.train and split.val leave no image without a label; set a "
            "smaller split.train"
        )
    found = _restore(checkpoint, params.rounds)
    tuned = None
    for number in range(max(len(found), 1), params.rounds + 1):
        if number > len(found):
            network = _as_network(tuned, train.bands, preprocess, params)
            labels = label_images(train, unlabelled, network, classes, params.threshold)
            write_npz(_labels_file(checkpoint, number), {"labels": labels})
            found.append(labels)
        confident = found[-1] != NOT_CONFIDENT
        print(
            f"round {number} of {params.rounds}: {confident.sum()} of {len(unlabelled)} images without labels get a "
            f"pseudo-label ({100 * confident.mean():.1f} %)",
            flush=True,
        )
        joined = join_tiles(train, EncodedTiles(unlabelled[confident], found[-1][confident], train.bands))
        tuned = finetune(joined, val, classes, preprocess, params, _beside(checkpoint, f"round_{number}"))
    assert tuned is not None
    return tuned._replace(pseudo_labels=tuple(int((labels != NOT_CONFIDENT).sum()) for labels in found))


def label_images(
    train: EncodedTiles, unlabelled: np.ndarray, network: Network, classes: int, threshold: float
) -> np.ndarray:
    """Label the images without labels by the classifier spread, where it is confident.

    Args:
        train: tiles with labels.
        unlabelled: object, (n,): encoded tiles without labels.
        network: images -> features.
        classes: number of classes.
        threshold: the smallest confidence of a label.

    Returns:
        int64, (n,): labels, or NOT_CONFIDENT.
    """
    X, others = network.predict(train.images, "train"), network.predict(unlabelled, "unlabelled")
    probabilities = fit_spread(X, train.labels, others, SPREAD, predicts_them=True).probabilities(others, classes)
    return np.where(probabilities.max(axis=1) >= threshold, probabilities.argmax(axis=1), NOT_CONFIDENT)


def _as_network(tuned: FineTuned | None, bands: tuple[str, ...] | None, preprocess: bool, params: Finetune) -> Network:
    """Return the network without its last layer: the fine-tuned one, or the one that fine-tuning starts from."""
    if tuned:
        return Network(keras.Model(tuned.model.input, tuned.model.layers[-2].output), tuned.preprocess)
    make_reproducible(params.seed)
    return Network(*load_network_for(bands, preprocess, pretrained=params.start == "pretrained"))


def _restore(checkpoint: Path, rounds: int) -> list[np.ndarray]:
    """Read the pseudo-labels of the rounds that have begun. Each of them but the last is finished."""
    found: list[np.ndarray] = []
    for number in range(1, rounds + 1):
        try:
            (labels,) = read_npz(_labels_file(checkpoint, number), "labels")
        except UserError:  # the file is missing or damaged
            break
        found.append(labels)
    return found


def _labels_file(checkpoint: Path, number: int) -> Path:
    return _beside(checkpoint, f"labels_{number}")


def _beside(checkpoint: Path, name: str) -> Path:
    return checkpoint.with_stem(f"{checkpoint.stem}_{name}")
