"""Fine-tuning: a pretrained network gets a new last layer and is trained on the tiles.

First only the new layer is trained, on the features of the frozen network. Otherwise its random weights would send
large gradients through the network and damage the pretrained weights. Then all layers are trained, or the last few.

Source: Kumar et al., 2022, Fine-Tuning can Distort Pretrained Features and Underperform Out-of-Distribution.
"""

from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from eurosat_transfer.data.image_tensors import decode_tensor, resize_image
from eurosat_transfer.data.selection import EncodedTiles
from eurosat_transfer.errors import UserError
from eurosat_transfer.evaluation.predictions import Prediction, most_probable
from eurosat_transfer.features.inference import Network
from eurosat_transfer.io.atomic import atomic_write, require_free_space
from eurosat_transfer.models.augmentation import VIEWS, random_view, turn
from eurosat_transfer.models.distortion import distort
from eurosat_transfer.models.mixed_precision import copy_in_bfloat16
from eurosat_transfer.models.optimizers import build_optimizer
from eurosat_transfer.models.training import LoadImage, accuracy_metric, fit, shuffled_epochs
from eurosat_transfer.networks.accelerators import batches, replicas, training_strategy, use_half_precision
from eurosat_transfer.networks.backbones import Preprocess, weights_file_size
from eurosat_transfer.networks.wide_backbone import load_network_for
from eurosat_transfer.parameters.finetune import Finetune
from eurosat_transfer.precision import usable_precision
from eurosat_transfer.tensorflow_setup import (
    epoch_lines,
    keras,
    keras_verbosity,
    make_reproducible,
    tf,
    without_autotuning,
)

LOSS = "sparse_categorical_crossentropy"


class FineTuned(NamedTuple):
    """A fine-tuned network.

    Attributes:
        model: preprocessed images, float32, (n, size, size, 3) -> probabilities, float32, (n, classes).
        preprocess: must be applied to images before the model is.
        history: Keras' History, with one entry per epoch.
        pseudo_labels: number of images with a pseudo-label in each round of self-training.
    """

    model: keras.Model
    preprocess: Preprocess
    history: keras.callbacks.History
    pseudo_labels: tuple[int, ...] = ()


def finetune(
    train: EncodedTiles, val: EncodedTiles | None, classes: int, preprocess: bool, params: Finetune, checkpoint: Path
) -> FineTuned:
    """Fine-tune the network that the backbone stage saved.

    The result does not depend on what the process trained before.

    Args:
        train: tiles to learn from.
        val: tiles to evaluate after each epoch, or None.
        classes: number of classes.
        preprocess: whether to apply the network's own preprocess_input function to the images.
        params: the stage's parameters.
        checkpoint: file of the state after the last complete epoch. If it exists, training resumes there.

    Returns:
        The trained network.

    Raises:
        UserError: finetune.trainable is too large, an image cannot be decoded, or a loss becomes NaN or infinite.
    """
    make_reproducible(params.seed)
    use_half_precision()
    smallest = min(params.batch_size, *(len(tiles.labels) for tiles in (train, val) if tiles))
    with training_strategy(max_replicas=smallest).scope():
        pretrained = params.start == "pretrained"
        backbone, prepare = load_network_for(train.bands, preprocess, pretrained=pretrained)
        set_trainable(backbone, params)
        head = build_head(backbone.output_shape[1:], classes, params)
        if params.head_epochs:
            features = Network(backbone, prepare).predict(train.images, "train")
            train_head(head, features, train.labels, params)
        model = keras.Model(backbone.input, head(backbone.output))
        computes_in = usable_precision(params.precision)
        learner = copy_in_bfloat16(model) if computes_in == "bfloat16" else model
        history = train_all(learner, prepare, train, val, params, checkpoint)
        if learner is not model:
            model.set_weights(learner.get_weights())
        return FineTuned(model, prepare, history)


def set_trainable(backbone: keras.Model, params: Finetune) -> None:
    """Set which layers are trained, and how batch normalisation behaves.

    Args:
        backbone: the network without the new layers, changed in place.
        params: trainable, batchnorm and batchnorm_momentum.

    Raises:
        UserError: finetune.trainable is larger than the number of layers.
    """
    layers = len(backbone.layers)
    by_name = {"all": layers, "head": 0}
    count = params.trainable if isinstance(params.trainable, int) else by_name[params.trainable]
    if count > layers:
        raise UserError(
            f"finetune.trainable={count} is too large; allowed: all, head, or 1 to {layers}, the number of layers "
            "before the new one"
        )
    for number, layer in enumerate(backbone.layers):
        layer.trainable = number >= layers - count
        if isinstance(layer, keras.layers.BatchNormalization):
            if params.batchnorm == "frozen":
                layer.trainable = False  # Keras then uses the moving statistics in training, too
            layer.synchronized = replicas() > 1  # normalise by the whole batch, not by one replica's part of it
            if params.batchnorm_momentum is not None:
                layer.momentum = params.batchnorm_momentum


def build_head(feature_shape: tuple[int, ...], classes: int, params: Finetune) -> keras.Model:
    """Build the new layers: dropout and a softmax layer, which computes in float32 also in half precision.

    Args:
        feature_shape: (d,), the shape of one image's features.
        classes: number of classes.
        params: dropout and seed.

    Returns:
        Features, (n, d) -> probabilities, float32, (n, classes).
    """
    return keras.Sequential(
        [
            keras.Input(feature_shape),
            keras.layers.Dropout(params.dropout, seed=params.seed),
            keras.layers.Dense(classes, activation="softmax", name="label", dtype="float32"),
        ]
    )


def train_head(head: keras.Model, features: np.ndarray, labels: np.ndarray, params: Finetune) -> None:
    """Train the new layers in place, on the features of the frozen network.

    Args:
        head: the new layers.
        features: float32, (n, d).
        labels: int64, (n,).
        params: batch_size and head_epochs.
    """
    head.compile("adam", LOSS, metrics=["accuracy"])
    print(f"training the new layer alone, {params.head_epochs} epochs")
    head.fit(
        features,
        labels,
        batch_size=params.batch_size,
        epochs=params.head_epochs,
        verbose=keras_verbosity(),
        callbacks=epoch_lines(),
    )


def train_all(
    model: keras.Model,
    preprocess: Preprocess,
    train: EncodedTiles,
    val: EncodedTiles | None,
    params: Finetune,
    checkpoint: Path,
) -> keras.callbacks.History:
    """Train all trainable layers together, in place.

    Args:
        model: the network with its new layers.
        preprocess: is applied to each image.
        train: tiles to learn from.
        val: tiles to evaluate after each epoch, or None.
        params: the stage's parameters.
        checkpoint: file of the state after the last complete epoch. If it exists, training resumes there.

    Returns:
        Keras' History, with one entry per epoch.

    Raises:
        UserError: a loss becomes NaN or infinite.
    """
    size = model.input_shape[1]
    order = shuffled_epochs(len(train.labels), params.batch_size, params.epochs, params.seed)
    load = training_loader(train, size, preprocess, params)
    steps = -(-order.shape[1] // params.batch_size)
    model.compile(build_optimizer(params, steps, model.trainable_variables), LOSS, metrics=[accuracy_metric()])
    weights = sum(weight.shape.num_elements() for weight in model.trainable_weights)
    print(f"training {weights} weights, {params.epochs} epochs of {steps} steps", flush=True)
    validation = _validation_batches(val, size, preprocess, params.batch_size) if val else None
    return fit(model, order, min(params.batch_size, order.shape[1]), load, validation, checkpoint)


def training_loader(train: EncodedTiles, size: int, preprocess: Preprocess, params: Finetune) -> LoadImage:
    """Build the function that loads one training image: decoded, resized, augmented and preprocessed.

    Args:
        train: encoded tiles.
        size: side of the images in pixels.
        preprocess: is applied to each image at the end.
        params: augment, and the seed of the random views.

    Returns:
        Number of the epoch and number of the image -> image, float32, (size, size, 3), and label. The augmentation
        depends on the seed, the epoch and the content of the encoded image. So it depends neither on the batch size nor
        on the other images.
    """
    images, labels = tf.constant(list(train.images)), tf.constant(train.labels)

    def load(epoch: tf.Tensor, number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        image = resize_image(decode_tensor(images[number], train.channels), size)
        if params.augment:
            image = random_view(image, params.seed, epoch, images[number])
        if params.augment == "strong":
            image = distort(image, params.seed, epoch, images[number])
        return preprocess(image), labels[number]

    return load


def _validation_batches(val: EncodedTiles, size: int, preprocess: Preprocess, batch_size: int) -> tf.data.Dataset:
    data = tf.data.Dataset.from_tensor_slices((list(val.images), val.labels))
    data = data.map(lambda image, label: (preprocess(resize_image(decode_tensor(image, val.channels), size)), label))
    return without_autotuning(batches(data, len(val.labels), batch_size))


def predict_tiles(network: Network, tiles: EncodedTiles, name: str, test_turns: bool) -> Prediction:
    """Predict the classes of tiles.

    Args:
        network: images -> probabilities.
        tiles: encoded tiles.
        name: label of the progress bar.
        test_turns: whether to average the probabilities over the eight views of each tile (test-time augmentation).

    Raises:
        UserError: an image cannot be decoded.
    """
    views = VIEWS if test_turns else VIEWS[:1]
    probabilities = [
        network.predict(tiles.images, name, partial(turn, quarters=quarters, flip=flip)) for quarters, flip in views
    ]
    return most_probable(tiles.labels, np.mean(probabilities, axis=0))


def save_weights(path: Path | str, model: keras.Model) -> None:
    """Save the weights of a model, without the state of its optimizer. The file is replaced atomically.

    Args:
        path: of the file, which must end with .weights.h5.
        model: the model.

    Raises:
        OSError: the disk is full.
    """
    with atomic_write(path) as part:
        require_free_space(part.parent, weights_file_size(model))
        keras.Model(model.input, model.output).save_weights(part)  # a compiled model would save its optimizer, too
