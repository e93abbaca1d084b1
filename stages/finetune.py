"""Fine-tuning: the network with a new last layer, trained on the images, evaluated on the images of the test set.

Reads   data/dataset/  data/split.csv  data/backbone/
Writes  metrics/finetune.json, plots/finetune_predictions.csv, plots/finetune_classes.csv, plots/finetune_history.csv
        data/finetune.weights.h5   of the network and its new layer, as tested
        plots/finetune_labels.csv  classifier, images, draw, accuracy: tuned, as many epochs, on each of label_sizes

First the new layer alone, on the frozen network, so that its random start does not shake what the network has learnt
(Kumar et al., 2022); then every layer, or the last few. A killed run goes on after its last whole epoch.
"""

from pathlib import Path

import numpy as np

from stages.common import backbones
from stages.common.accelerators import batches, every_gpu, gpus, half_precision, replicas
from stages.common.evaluation import Prediction, most_probable, report
from stages.common.files import need_room, whole, write_csv
from stages.common.images import decode
from stages.common.inference import Network, apply
from stages.common.params import Finetune, load_params
from stages.common.parts import nested_parts
from stages.common.stage import UserError, run_stage
from stages.common.tensorflow import keras, progress, reproducible, tf, untuned
from stages.common.tiles import Tiles, class_names, load_tiles
from stages.common.training import accuracy, checkpoints, fit, rate_schedule, shuffled_epochs, write_history

Tuned = tuple[keras.Model, backbones.Preprocess, keras.callbacks.History]


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
            layer.synchronized = replicas() > 1  # by the whole batch, not by a GPU's part of it
            if params.batchnorm_momentum is not None:
                layer.momentum = params.batchnorm_momentum


def optimizer(params: Finetune, steps_per_epoch: int) -> keras.optimizers.Optimizer:
    """Build the optimizer with its schedule over all the steps."""
    steps, warmup = steps_per_epoch * params.epochs, steps_per_epoch * params.warmup_epochs
    rate = rate_schedule(params.lr, steps, warmup, params.schedule == "cosine")
    # Each GPU clips its part of the gradient, before the parts are summed.
    clipnorm = None if params.clipnorm is None else params.clipnorm / replicas()
    common = {"learning_rate": rate, "global_clipnorm": clipnorm, "weight_decay": params.weight_decay or None}
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
    model.fit(features, labels, batch_size=params.batch_size, epochs=params.head_epochs, verbose=progress())


def turn(image: tf.Tensor, quarters: tf.Tensor | int, flip: tf.Tensor | bool) -> tf.Tensor:
    """Turn an image by quarters, then flip it left to right or not: a tile seen from above has no top.

    Args:
        image: (size, size, 3).
    """
    turned = tf.image.rot90(image, quarters)
    return tf.ensure_shape(tf.where(flip, tf.image.flip_left_right(turned), turned), image.shape)


def turn_at_random(image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """See an image one of the eight ways; seed: int, (2,); the same seed, the same way."""
    ways = tf.random.stateless_uniform((2,), seed, 0, 4, tf.int32)
    return turn(image, ways[0], ways[1] >= 2)


def train(
    model: keras.Model,
    prepare: backbones.Preprocess,
    train: Tiles,
    val: Tiles | None,
    params: Finetune,
    checkpoint: Path,
) -> keras.callbacks.History:
    """Train the model, in place, on the images, watching those of val; go on from the checkpoint, if there is one."""
    size = model.input_shape[1]
    order = shuffled_epochs(len(train.labels), params.batch_size, params.epochs, params.seed)
    images, labels = tf.constant(list(train.images)), tf.constant(train.labels)

    def load(place: tf.Tensor, number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        image = decode(images[number], size)
        if params.augment:
            image = turn_at_random(image, tf.stack([params.seed, place]))
        return prepare(image), labels[number]

    watched = None
    if val:
        watched = tf.data.Dataset.from_tensor_slices((list(val.images), val.labels))
        watched = watched.map(lambda encoded, label: (prepare(decode(encoded, size)), label))
        watched = untuned(batches(watched, len(val.labels), params.batch_size))
    steps = -(-order.shape[1] // params.batch_size)
    model.compile(optimizer(params, steps), "sparse_categorical_crossentropy", metrics=[accuracy()])
    weights = sum(weight.shape.num_elements() for weight in model.trainable_weights)
    print(f"{weights} weights, {params.epochs} epochs of {steps} steps", flush=True)
    return fit(model, order, min(params.batch_size, order.shape[1]), load, watched, checkpoint)


def tune(tiles: dict[str, Tiles], classes: int, preprocess: bool, params: Finetune, checkpoint: Path) -> Tuned:
    """Give the backbone its new layer and train both: the same bits, whatever was tuned before.

    Args:
        tiles: train, and val if that is to be watched.
        checkpoint: as of train.

    Returns:
        The model, what to do to its images first, and Keras' History.
    """
    reproducible(params.seed)
    half_precision()
    with every_gpu(at_most=min(params.batch_size, *(len(some.labels) for some in tiles.values()))).scope():
        backbone, own_preprocess = backbones.load(trained=params.start == "pretrained")
        prepare = own_preprocess if preprocess else tf.identity
        release(backbone, params)
        head = keras.Sequential(
            [
                keras.Input(backbone.output_shape[1:]),
                keras.layers.Dropout(params.dropout, seed=params.seed),
                keras.layers.Dense(classes, activation="softmax", name="label", dtype="float32"),
            ]
        )
        if params.head_epochs:
            features = apply(Network(backbone, prepare), tiles["train"].images, "train")
            train_head(head, features, tiles["train"].labels, params)
        model = keras.Model(backbone.input, head(backbone.output))
        return model, prepare, train(model, prepare, tiles["train"], tiles.get("val"), params, checkpoint)


def predict(network: Network, tiles: Tiles, name: str, turns: bool) -> Prediction:
    """Predict images; with turns, by the mean of the probabilities over the eight ways to see each."""
    ways = [(quarters, flip) for flip in (False, True) for quarters in range(4)] if turns else [(0, False)]
    seen = [apply(network, tiles.images, name, lambda image, way=way: turn(image, *way)) for way in ways]
    return most_probable(tiles.labels, np.mean(seen, axis=0))


def main() -> None:
    everything = load_params()
    params, preprocess = everything.finetune, everything.extract.preprocess
    classes, tiles = class_names(), load_tiles()
    with checkpoints("finetune", params.model_dump(), preprocess, gpus()) as folder:
        model, prepare, history = tune(tiles, len(classes), preprocess, params, folder / "train.npz")
        write_history("plots/finetune_history.csv", history)
        network = Network(model, prepare)
        said = {"val": predict(network, tiles["val"], "val", params.test_turns)}
        if params.refit:
            both = {"train": Tiles(*map(np.concatenate, zip(tiles["train"], tiles["val"], strict=True)))}
            model, prepare, _ = tune(both, len(classes), preprocess, params, folder / "refit.npz")
            network = Network(model, prepare)
        said["test"] = predict(network, tiles["test"], "test", params.test_turns)
        with whole("data/finetune.weights.h5") as part:
            need_room(part.parent, 5 * model.count_params() + 2**20)
            keras.Model(model.input, model.output).save_weights(part)  # the compiled one adds its optimizer's state
        report("finetune", classes, **said)
        rows = []
        for positions in nested_parts(tiles["train"].labels, params.label_sizes, params.seed):
            some = tiles | {"train": Tiles(*(column[positions] for column in tiles["train"]))}
            model, prepare, _ = tune(some, len(classes), preprocess, params, folder / f"{len(positions)}.npz")
            few = predict(Network(model, prepare), tiles["test"], "test", params.test_turns)
            rows.append(("finetune", len(positions), 0, float((few.actual == few.predicted).mean())))
        write_csv("plots/finetune_labels.csv", ("classifier", "images", "draw", "accuracy"), rows)


if __name__ == "__main__":
    run_stage(main, __doc__)
