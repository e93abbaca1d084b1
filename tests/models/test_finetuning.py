from pathlib import Path

import h5py
import numpy as np
import pytest
from conftest import write_tree
from small_training import SIZE, encoded_images, finetune_parameters, noisy_tiles, small_network

from eurosat_transfer.data.decoding import decode_image
from eurosat_transfer.data.selection import EncodedTiles, open_selection
from eurosat_transfer.errors import UserError
from eurosat_transfer.features.inference import Network
from eurosat_transfer.io.csv_files import read_csv
from eurosat_transfer.io.json_files import read_json
from eurosat_transfer.models import finetuning
from eurosat_transfer.models.augmentation import VIEWS, turn
from eurosat_transfer.models.training import shuffled_epochs, stream_training_batches
from eurosat_transfer.networks import wide_backbone
from eurosat_transfer.networks.backbones import FOLDER, build_backbone, load_backbone, save_backbone
from eurosat_transfer.parameters.finetune import Finetune
from eurosat_transfer.parameters.loading import load_section
from eurosat_transfer.tensorflow_setup import keras, make_reproducible, tf
from stages import backbone, download, finetune, split

NO_STEP = 1e-30  # a learning rate that changes no weight


def scale(images):
    return images / 255 - 0.5


@pytest.fixture
def small_backbone(tmp_path, monkeypatch):
    """Let finetune() load a small network with random weights. The fixture lists the values of `pretrained`."""
    monkeypatch.chdir(tmp_path)
    loaded = []

    def load(folder: Path, pretrained: bool):  # noqa: ARG001, the signature is load_backbone's
        loaded.append(pretrained)
        return small_network(), scale

    monkeypatch.setattr(wide_backbone, "load_backbone", load)
    return loaded


def run_finetune(train=None, val=None, preprocess=True, name="checkpoint", **changes) -> finetuning.FineTuned:
    """Fine-tune on noisy tiles of two classes. Trainings with different settings need different names."""
    train = noisy_tiles(16) if train is None else train
    checkpoint = Path(f"{name}.npz")
    return finetuning.finetune(train, val, 2, preprocess, finetune_parameters(**changes), checkpoint)


def weights_of(model: keras.Model) -> list[bytes]:
    return [weight.tobytes() for weight in model.get_weights()]


def loss_on(tuned: finetuning.FineTuned, tiles: EncodedTiles, preprocess=scale) -> float:
    """Compute the loss of a model on tiles, outside of Keras' loops."""
    images = tf.stack([preprocess(tf.cast(decode_image(image), tf.float32)) for image in tiles.images])
    probabilities = tuned.model(images, training=False).numpy()
    return float(-np.log(probabilities[np.arange(len(tiles.labels)), tiles.labels]).mean())


# Which layers are trained, and how batch normalisation behaves


def trainable_layers(**changes) -> list[bool]:
    network = small_network()
    finetuning.set_trainable(network, finetune_parameters(**changes))
    return [layer.trainable for layer in network.layers]


def test_only_the_chosen_layers_are_trainable():
    assert trainable_layers(trainable="all") == [True, True, True, True, True]
    assert trainable_layers(trainable="head") == [False, False, False, False, False]
    assert trainable_layers(trainable=1) == [False, False, False, False, True]
    assert trainable_layers(trainable=3) == [False, False, True, True, True]
    assert trainable_layers(trainable=5) == [True, True, True, True, True]


def test_more_trainable_layers_than_there_are_are_refused():
    with pytest.raises(
        UserError, match=r"finetune.trainable=6 is too large; allowed: all, head, or 1 to 5, the number"
    ):
        trainable_layers(trainable=6)


def normalisation(**changes) -> tuple[bool, float]:
    network = small_network()
    finetuning.set_trainable(network, finetune_parameters(**changes))
    return network.layers[2].trainable, network.layers[2].momentum


def test_batch_normalisation_keeps_its_own_momentum_unless_there_is_another():
    assert normalisation() == (True, 0.99)
    assert normalisation(batchnorm_momentum=0.5) == (True, 0.5)


def test_frozen_batch_normalisation_is_not_trainable():
    assert normalisation(batchnorm="frozen")[0] is False


# The new layers


def test_head_has_dropout_in_training_only():
    head = finetuning.build_head((6,), 3, finetune_parameters(dropout=0.5))
    features = np.ones((64, 6), np.float32)
    np.testing.assert_array_equal(head(features, training=False)[1:], head(features, training=False)[:-1])
    assert len(np.unique(head(features, training=True), axis=0)) > 10
    assert [layer.rate for layer in head.layers if isinstance(layer, keras.layers.Dropout)] == [0.5]


def test_head_without_dropout_is_the_same_in_training():
    head = finetuning.build_head((6,), 3, finetune_parameters(dropout=0.0))
    features = np.ones((4, 6), np.float32)
    np.testing.assert_array_equal(head(features, training=True), head(features, training=False))


def test_head_gives_probabilities_in_float32_even_in_half_precision():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        head = finetuning.build_head((6,), 3, finetune_parameters())
        assert head.layers[-1].compute_dtype == head.outputs[0].dtype == "float32"
    finally:
        keras.config.set_dtype_policy("float32")
    np.testing.assert_allclose(np.sum(head(np.ones((4, 6), np.float32)), axis=1), 1, rtol=1e-6)


def test_head_is_trained_for_all_its_epochs():
    head = finetuning.build_head((2,), 2, finetune_parameters())
    labels = np.arange(20) % 2
    finetuning.train_head(head, np.eye(2, dtype=np.float32)[labels], labels, finetune_parameters(head_epochs=5))
    assert int(head.optimizer.iterations) == 5 * 3  # 20 images are 3 batches


# Loading of training images


def load_images(epochs, number=0, preprocess=tf.identity, **changes) -> list[np.ndarray]:
    """Load one image for several epochs."""
    load = finetuning.training_loader(noisy_tiles(4), SIZE, preprocess, finetune_parameters(**changes))
    return [load(tf.constant(epoch, tf.int64), tf.constant(number))[0].numpy() for epoch in epochs]


def test_training_image_is_decoded_and_preprocessed():
    tiles = noisy_tiles(4)
    load = finetuning.training_loader(tiles, SIZE, scale, finetune_parameters())
    for number in range(4):
        image, label = load(tf.constant(0, tf.int64), tf.constant(number))
        np.testing.assert_allclose(image, scale(decode_image(tiles.images[number]).astype(np.float32)))
        assert label == tiles.labels[number]


def test_augmentation_shows_all_eight_views_and_no_other():
    (plain,) = load_images([0])
    views = {turn(tf.constant(plain), quarters, flip).numpy().tobytes() for quarters, flip in VIEWS}
    assert {image.tobytes() for image in load_images(range(60), augment=True)} == views
    assert {image.tobytes() for image in load_images(range(60), augment=False)} == {plain.tobytes()}


def test_random_views_differ_by_epoch_and_by_seed():
    first, again, other = (np.stack(load_images(range(12), augment=True, seed=seed)) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert len(np.unique(first, axis=0)) > 1


def views_by_image_and_epoch(tiles: EncodedTiles, batch_size: int) -> dict[tuple[int, int], bytes]:
    """Stream two augmented epochs, and return the view of each image in each epoch. Labels must tell images apart."""
    order = shuffled_epochs(len(tiles.labels), batch_size, 2, seed=0)
    load = finetuning.training_loader(tiles, SIZE, tf.identity, finetune_parameters(augment=True))
    batches = list(stream_training_batches(order, batch_size, load).unbatch().as_numpy_iterator())
    epochs = np.repeat([0, 1], order.shape[1])
    return {(int(label), int(epoch)): view.tobytes() for epoch, (view, label) in zip(epochs, batches, strict=True)}


def test_an_image_has_the_same_view_in_an_epoch_for_every_batch_size_and_every_set_of_images():
    """With batches of 8 an epoch has 40 of the 44 images, with batches of 32 it has 32."""
    tiles = noisy_tiles(44)._replace(labels=np.arange(44))
    small, large = (views_by_image_and_epoch(tiles, batch_size) for batch_size in (8, 32))
    reversed_tiles = tiles.select(np.arange(44)[::-1])
    backwards = views_by_image_and_epoch(reversed_tiles, 8)
    for other in (large, backwards):
        in_both = small.keys() & other.keys()
        assert len(in_both) > 40
        assert all(small[key] == other[key] for key in in_both)
    changed = [small[number, 0] != small[number, 1] for number in range(44) if {(number, 0), (number, 1)} <= set(small)]
    assert np.mean(changed) > 0.6  # 7 of 8 on average


# Predictions


class PositionNetwork:
    """Stands for a network whose outputs depend on how an image is turned and flipped."""

    def predict(self, images, name, view=tf.identity):  # noqa: ARG002, the signature is Network's
        """Return three probabilities for each image, which depend on its second pixel only."""
        pixels = [view(tf.cast(decode_image(image), tf.float32))[0, 1] for image in images]
        return tf.nn.softmax(tf.stack(pixels) / 50).numpy()


def test_predictions_average_all_eight_views_only_with_test_turns():
    image = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    views = np.stack([turn(tf.constant(image), *view).numpy() for view in VIEWS])
    network, tiles = PositionNetwork(), encoded_images(views, np.arange(8) % 3)
    plain, averaged = (finetuning.predict_tiles(network, tiles, "test", turns) for turns in (False, True))
    assert len(np.unique(plain.probabilities.round(4), axis=0)) == 8
    np.testing.assert_allclose(averaged.probabilities, np.tile(plain.probabilities.mean(axis=0), (8, 1)), atol=1e-6)
    assert np.array_equal(plain.probabilities, network.predict(tiles.images, ""))
    assert plain.actual.tolist() == tiles.labels.tolist()
    assert plain.predicted.tolist() == plain.probabilities.argmax(axis=1).tolist()


# Whole trainings of a small network


@pytest.mark.slow
def test_training_starts_from_the_pretrained_network_on_preprocessed_images(small_backbone):
    """A step of no size changes no weight, so the losses of the first epoch are those of the final model."""
    settings = {"lr": NO_STEP, "batchnorm": "frozen"}
    val = noisy_tiles(10, seed=1)
    tuned = run_finetune(val=val, **settings)
    assert tuned.history.history["loss"] == [pytest.approx(loss_on(tuned, noisy_tiles(16)), rel=1e-4)]
    assert tuned.history.history["val_loss"] == [pytest.approx(loss_on(tuned, val), rel=1e-4)]
    assert small_backbone == [True]
    assert tuned.preprocess is scale


@pytest.mark.slow
def test_training_without_preprocessing_uses_the_images_as_they_are(small_backbone):
    val = noisy_tiles(10, seed=1)
    tuned = run_finetune(val=val, preprocess=False, lr=NO_STEP, batchnorm="frozen", start="random")
    losses = [pytest.approx(loss_on(tuned, tiles, tf.identity), rel=1e-4) for tiles in (noisy_tiles(16), val)]
    assert [tuned.history.history[name][0] for name in ("loss", "val_loss")] == losses
    assert tuned.preprocess(tf.constant(3.0)) == 3.0
    assert small_backbone == [False]


@pytest.mark.slow
@pytest.mark.usefixtures("small_backbone")
def test_new_layer_is_trained_first_on_the_features_of_the_frozen_network():
    tiles = noisy_tiles(16)
    head_only = {"batch_size": 16, "head_epochs": 20}
    tuned = run_finetune(tiles, lr=NO_STEP, batchnorm="frozen", **head_only)
    # The same steps, taken here: a batch has all images, so that their order does not matter.
    make_reproducible(0)
    network, head = small_network(), finetuning.build_head((4,), 2, finetune_parameters())
    start = weights_of(head)
    features = Network(network, scale).predict(tiles.images, "train")
    finetuning.train_head(head, features, tiles.labels, finetune_parameters(**head_only))
    assert weights_of(head) != start
    for ours, expected in zip(tuned.model.get_weights(), network.get_weights() + head.get_weights(), strict=True):
        np.testing.assert_allclose(ours, expected, atol=1e-6)


@pytest.mark.slow
@pytest.mark.usefixtures("small_backbone")
def test_equal_seeds_give_equal_networks():
    settings = {"dropout": 0.2, "augment": True, "head_epochs": 1}
    first, again = (weights_of(run_finetune(name=name, **settings).model) for name in ("first", "again"))
    assert first == again


@pytest.mark.slow
@pytest.mark.usefixtures("small_backbone")
@pytest.mark.parametrize("has_it", [True, False])
def test_training_in_bfloat16_gives_a_network_in_float32(has_it, monkeypatch):
    """TensorFlow trains in bfloat16 on every processor, only slowly. Without instructions for it, it is float32."""
    monkeypatch.setattr(finetuning, "usable_precision", lambda wanted: wanted if has_it else "float32")
    settings = {"head_epochs": 1, "epochs": 2, "lr": 0.1}
    exact = run_finetune(name="exact", **settings).model
    first, again = (run_finetune(name=name, precision="bfloat16", **settings).model for name in ("first", "again"))
    assert weights_of(first) == weights_of(again)
    assert (weights_of(first) == weights_of(exact)) == (not has_it)
    for ours, expected in zip(first.get_weights(), exact.get_weights(), strict=True):
        np.testing.assert_allclose(ours, expected, atol=0.05)
    assert {layer.compute_dtype for layer in first.layers} == {"float32"}


@pytest.mark.slow
@pytest.mark.usefixtures("small_backbone")
def test_weights_of_the_new_layer_depend_on_the_seed():
    kernels = []
    for seed in (0, 1):
        *_, kernel, _ = run_finetune(name=f"seed{seed}", lr=NO_STEP, seed=seed).model.get_weights()
        kernels.append(kernel.tobytes())
    assert kernels[0] != kernels[1]


@pytest.mark.slow
@pytest.mark.usefixtures("small_backbone")
def test_training_takes_as_many_steps_as_the_parameters_say():
    tuned = run_finetune(epochs=3, batch_size=4, optimizer="adamw")
    assert isinstance(tuned.model.optimizer, keras.optimizers.AdamW)
    assert int(tuned.model.optimizer.iterations) == 3 * 4
    assert "val_loss" not in tuned.history.history


def test_saved_weights_are_those_of_the_model_without_its_optimizer(tmp_path):
    network = small_network()
    model = keras.Model(network.input, keras.layers.Dense(2)(network.output))
    model.compile("adam", "mse")
    finetuning.save_weights(tmp_path / "saved.weights.h5", model)
    network = small_network()
    copy = keras.Model(network.input, keras.layers.Dense(2)(network.output))
    copy.load_weights(tmp_path / "saved.weights.h5")
    assert weights_of(copy) == weights_of(model)
    with h5py.File(tmp_path / "saved.weights.h5") as file:
        assert "optimizer" not in file


# Whole trainings of tilenet


@pytest.mark.slow
@pytest.mark.parametrize("trainable", ["head", 5, "all"])
def test_frozen_layers_keep_their_weights(trainable, tmp_path, monkeypatch):
    """tilenet ends with normalisation twice, addition, ReLU and pooling: two of its last five layers have weights."""
    monkeypatch.chdir(tmp_path)
    save_backbone(FOLDER, build_backbone("tilenet", SIZE, {}), "tilenet", SIZE, {})
    before, _ = load_backbone()
    after = run_finetune(trainable=trainable, lr=0.1).model
    pairs = [
        list(zip(old.get_weights(), new.get_weights(), strict=True))
        for old, new in zip(before.layers, after.layers[:-1], strict=True)
    ]
    unequal = [[not np.array_equal(old, new) for old, new in weights] for weights in pairs]
    assert all(all(weights) or not any(weights) for weights in unequal)  # a layer changes as a whole
    with_weights = [number for number, weights in enumerate(pairs) if weights]
    changed = [number for number, weights in enumerate(unequal) if any(weights)]
    last_two = [len(pairs) - 5, len(pairs) - 4]
    assert all(isinstance(before.layers[number], keras.layers.BatchNormalization) for number in last_two)
    assert with_weights[-2:] == last_two
    assert changed == {"head": [], 5: last_two, "all": with_weights}[trainable]


@pytest.mark.slow
@pytest.mark.parametrize("start", ["pretrained", "random"])
def test_random_start_leaves_the_saved_weights_out(start, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_backbone(FOLDER, build_backbone("tilenet", SIZE, {}), "tilenet", SIZE, {})
    saved, tuned = load_backbone()[0], run_finetune(start=start, trainable="head", lr=NO_STEP)
    assert (weights_of(tuned.model)[:-2] == weights_of(saved)) == (start == "pretrained")


# The stage


@pytest.fixture
def prepared(world, tmp_path):
    """Prepare a folder with three classes of images and a network, up to the stage finetune."""
    small = {
        "data.name": "folder",
        "data.path": str(write_tree(tmp_path / "images", classes=3)),
        "split.train": 16,
        "split.val": 8,
        "split.test": 10,
        "backbone.image_size": SIZE,
        "finetune.batch_size": 8,
    }

    def set_params(**changes):
        return world(**small | changes)

    set_params()
    for stage in (download, split, backbone):
        stage.main()
    return set_params


def written(folder) -> dict[str, bytes]:
    names = ("metrics/finetune.json", "plots/finetune_history.csv", "data/finetune.weights.h5")
    return {name: (folder / name).read_bytes() for name in names}


@pytest.mark.slow
def test_stage_gives_the_same_bytes_again_also_beside_a_label_curve(prepared):
    finetune.main()
    first = written(prepared())
    assert read_csv("plots/finetune_labels.csv") == []
    prepared(**{"finetune.label_sizes": [2, 4, 1000]})
    finetune.main()
    assert written(prepared()) == first
    assert [row["images"] for row in read_csv("plots/finetune_labels.csv")] == ["6", "12"]
    assert {"val", "test", "training_labels"} <= set(read_json("metrics/finetune.json"))
    assert len(read_csv("plots/finetune_history.csv")) == 1


@pytest.mark.slow
def test_stage_uses_the_preprocessing_of_the_extract_section(prepared):
    finetune.main()
    with_preprocessing = written(prepared(**{"extract.preprocess": False}))
    finetune.main()
    without = written(prepared())
    assert all(without[name] != content for name, content in with_preprocessing.items())


@pytest.mark.slow
def test_refit_tests_a_network_that_was_trained_on_train_and_val_together(prepared):
    finetune.main()
    metrics, files = read_json("metrics/finetune.json"), written(prepared())
    prepared(**{"finetune.refit": True, "finetune.test_turns": True})
    finetune.main()
    refitted, refitted_files = read_json("metrics/finetune.json"), written(prepared())
    assert refitted["val"] != metrics["val"]  # because of the test turns
    assert refitted_files["plots/finetune_history.csv"] == files["plots/finetune_history.csv"]
    dataset, selection = open_selection()
    tiles = selection.read(dataset)
    both = EncodedTiles(*(np.concatenate([tiles[s][column] for s in ("train", "val")]) for column in (0, 1)))
    params = load_section(Finetune)
    tuned = finetuning.finetune(both, None, 3, True, params, Path("both.npz"))
    assert "val_loss" not in tuned.history.history
    test = finetuning.predict_tiles(Network(tuned.model, tuned.preprocess), tiles["test"], "test", test_turns=True)
    assert refitted["test"]["accuracy"] == test.accuracy
    confidences = [float(row["confidence"]) for row in read_csv("plots/finetune_predictions.csv")]
    assert confidences == test.probabilities.max(axis=1).tolist()
    finetuning.save_weights("both.weights.h5", tuned.model)
    assert Path("both.weights.h5").read_bytes() == refitted_files["data/finetune.weights.h5"]
