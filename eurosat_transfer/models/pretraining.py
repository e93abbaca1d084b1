"""Pretraining of tilenet on drawn textures."""

from pathlib import Path

import numpy as np

from eurosat_transfer.data.drawings.textures import KINDS, draw_textures
from eurosat_transfer.models.optimizers import decay_kernels_only, learning_rate_schedule
from eurosat_transfer.models.training import accuracy_metric, fit, shuffled_epochs, stream_training_batches
from eurosat_transfer.networks.backbones import find_preprocess
from eurosat_transfer.networks.tilenet import MIN_IMAGE_SIZE, tilenet
from eurosat_transfer.parameters.backbone import Backbone
from eurosat_transfer.tensorflow_setup import keras, tf

BATCH, RATE = 64, 0.003
HELD_OUT = 0.05  # share of the textures that are used for validation only


def pretrain(model: keras.Model, params: Backbone, checkpoint: Path) -> None:
    """Train tilenet in place to tell drawn textures apart, and validate it on held-out textures.

    Pretraining needs no download and no natural images. After it, tilenet's features are useful for other images.

    It learns from random quarters of the textures, which need a quarter of the operations. A texture looks the same in
    each of its quarters. tilenet takes the mean over all positions, so that its weights fit images of any size.
    docs/experiments.md has the accuracies.

    Args:
        model: tilenet, with random weights.
        params: the number of textures, the number of epochs, and the seed of both textures and order.
        checkpoint: file of the state after the last complete epoch. If it exists, training resumes there.

    Raises:
        UserError: the loss becomes NaN or infinite.

    Source:
        Kataoka et al., 2020, Pre-training without Natural Images.
        Touvron et al., 2019, Fixing the train-test resolution discrepancy: smaller images for training than for use.
    """
    size = model.input_shape[1]
    images, kinds = draw_textures(params.pretrain.images, size, params.seed)
    held_out = max(1, int(len(images) * HELD_OUT))
    count = len(images) - held_out
    preprocess = find_preprocess("tilenet")
    order = shuffled_epochs(count, BATCH, params.pretrain.epochs, params.seed)
    drawn = tf.constant(images), tf.constant(kinds)

    side = max(MIN_IMAGE_SIZE, size // 2)

    def load(epoch: tf.Tensor, number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        quarter = tf.image.stateless_random_crop(drawn[0][number], (side, side, 3), tf.stack([epoch, number]))
        return preprocess(tf.cast(quarter, tf.float32)), drawn[1][number]

    small = tilenet(side)
    small.set_weights(model.get_weights())
    classifier = keras.Sequential([small, keras.layers.Dense(len(KINDS), activation="softmax")])
    steps = order.size // BATCH
    rate = learning_rate_schedule(RATE, steps + 1, warmup=steps // 10, cosine=True)
    optimizer = keras.optimizers.AdamW(rate)
    decay_kernels_only(optimizer, classifier.trainable_variables)
    classifier.compile(optimizer, "sparse_categorical_crossentropy", metrics=[accuracy_metric()])
    print(f"pretraining tilenet on {order.shape[1]} drawn textures of {len(KINDS)} kinds")
    validation = stream_training_batches(np.arange(count, len(images))[None], BATCH, load)
    fit(classifier, order, BATCH, load, validation, checkpoint)
    model.set_weights(small.get_weights())
