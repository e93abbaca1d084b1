"""Fine-tuning: the network with a new last layer, trained on the images, evaluated on the images of the test set.

Reads   data/dataset/  data/split.csv  data/backbone/
Writes  metrics/finetune.json, plots/finetune_predictions.csv, plots/finetune_classes.csv, plots/finetune_history.csv
        data/finetune.weights.h5   of the network and its new layer

First the new layer alone, on the frozen network, so that its random start does not shake what the network has learnt
(Kumar et al., 2022); then every layer, or the last few.
"""

import numpy as np

from stages.common import backbones
from stages.common.evaluation import report
from stages.common.files import whole
from stages.common.inference import apply
from stages.common.params import Finetune, load_params
from stages.common.stage import UserError, run_stage
from stages.common.tensorflow import keras, progress, reproducible, tf
from stages.common.tiles import Tiles, class_names, decode, load_tiles
from stages.common.training import rate_schedule, shuffled_epochs, stream, write_history


def release(backbone: keras.Model, params: Finetune) -> None:
    """Set which layers learn, and how batch normalisation behaves.

    Raises:
        UserError: finetune.trainable is more layers than there are.
    """
    count = {"all": len(backbone.layers), "head": 0}.get(params.trainable, params.trainable)
    if count > len(backbone.layers):
        raise UserError(f"finetune.trainable: {count} layers of {len(backbone.layers)} before the new one")
    for number, layer in enumerate(backbone.layers):
        layer.trainable = number >= len(backbone.layers) - count
        if isinstance(layer, keras.layers.BatchNormalization):
            if params.batchnorm == "frozen":
                layer.trainable = False  # Keras then normalises by the moving statistics, in training too
            if params.batchnorm_momentum is not None:
                layer.momentum = params.batchnorm_momentum


def optimizer(params: Finetune, steps_per_epoch: int) -> keras.optimizers.Optimizer:
    """Build the optimizer with its schedule over all the steps."""
    steps, warmup = steps_per_epoch * params.epochs, steps_per_epoch * params.warmup_epochs
    rate = rate_schedule(params.lr, steps, warmup, params.schedule == "cosine")
    common = {"learning_rate": rate, "global_clipnorm": params.clipnorm, "weight_decay": params.weight_decay or None}
    match params.optimizer:
        case "sgd":
            return keras.optimizers.SGD(momentum=params.momentum, **common)
        case "adam":
            return keras.optimizers.Adam(**common)
        case "adamw":
            return keras.optimizers.AdamW(**common | {"weight_decay": params.weight_decay})


def train_head(model: keras.Model, features: np.ndarray, labels: np.ndarray, params: Finetune) -> None:
    """Train the new layers, those of model, in place on the frozen network's features."""
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    print(f"the new layer alone, {params.head_epochs} epochs")
    history = model.fit(features, labels, batch_size=params.batch_size, epochs=params.head_epochs, verbose=0)
    print(f"training accuracy {history.history['accuracy'][-1]:.3f}")


def turned(image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Turn and flip an image at random, one of the eight ways: a tile seen from above has no top.

    Args:
        image: (size, size, 3).
        seed: int, (2,); the same seed, the same way.
    """
    ways = tf.random.stateless_uniform((2,), seed, 0, 4, tf.int32)
    image = tf.image.rot90(image, ways[0])
    return tf.where(ways[1] < 2, image, tf.image.flip_left_right(image))


def train(model: keras.Model, prepare: backbones.Preprocess, train: Tiles, val: Tiles, params: Finetune):
    """Train the model, in place, on the images.

    Returns:
        Keras' History.
    """
    size = model.input_shape[1]
    order = shuffled_epochs(len(train.labels), params.batch_size, params.epochs, params.seed)
    images, labels = tf.constant(list(train.images)), tf.constant(train.labels)

    def load(place: tf.Tensor, number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        image = decode(images[number], size)
        if params.augment:
            image = tf.ensure_shape(turned(image, tf.stack([params.seed, place])), (size, size, 3))
        return prepare(image), labels[number]

    watched = tf.data.Dataset.from_tensor_slices((list(val.images), val.labels))
    watched = watched.map(lambda encoded, label: (prepare(decode(encoded, size)), label)).batch(params.batch_size)
    steps = -(-order.shape[1] // params.batch_size)
    model.compile(optimizer(params, steps), "sparse_categorical_crossentropy", metrics=["accuracy"])
    weights = sum(weight.shape.num_elements() for weight in model.trainable_weights)
    print(f"{weights} weights, {params.epochs} epochs of {steps} steps", flush=True)
    return model.fit(
        stream(order, min(params.batch_size, order.shape[1]), load),
        epochs=params.epochs,
        steps_per_epoch=steps,
        validation_data=watched,
        verbose=progress(),
        shuffle=False,
    )


def main() -> None:
    everything = load_params()
    params = everything.finetune
    reproducible(params.seed)
    classes = class_names()
    tiles = {subset: load_tiles(subset) for subset in ("train", "val", "test")}
    backbone, preprocess = backbones.load(trained=params.start == "pretrained")
    prepare = preprocess if everything.extract.preprocess else tf.identity
    release(backbone, params)
    head = keras.Sequential(
        [
            keras.Input(backbone.output_shape[1:]),
            keras.layers.Dropout(params.dropout, seed=params.seed),
            keras.layers.Dense(len(classes), activation="softmax", name="label"),
        ]
    )
    if params.head_epochs:
        train_head(head, apply(backbone, prepare, tiles["train"].images, "train"), tiles["train"].labels, params)
    model = keras.Model(backbone.input, head(backbone.output))
    history = train(model, prepare, tiles["train"], tiles["val"], params)
    write_history("plots/finetune_history.csv", history)
    with whole("data/finetune.weights.h5") as part:
        model.save_weights(part)
    predicted = {s: apply(model, prepare, tiles[s].images, s).argmax(axis=1) for s in ("val", "test")}
    report("finetune", classes, **{s: (tiles[s].labels, predicted[s]) for s in predicted})


if __name__ == "__main__":
    run_stage(main, __doc__)
