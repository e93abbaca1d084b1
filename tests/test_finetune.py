from pathlib import Path

import numpy as np
import pytest
from conftest import write_tree

from stages import backbone, download, extract, finetune, split
from stages.common import backbones
from stages.common.files import read_csv, read_json
from stages.common.params import load_params
from stages.common.stage import UserError
from stages.common.tensorflow import keras, tf


@pytest.fixture
def prepared(world, tmp_path):
    """A world with three classes of its own images, of sizes of their own, up to the fine-tuning."""
    tree = write_tree(tmp_path / "mine", classes=3)

    def set_params(**changes):
        mine = {"data.name": "folder", "data.path": str(tree), "finetune.head_epochs": 10}
        return world(**mine, **changes)

    set_params()
    for stage in (download, split, backbone):
        stage.main()
    return set_params


def test_own_images_go_all_the_way(prepared):
    extract.main()
    with np.load("data/features.npz", allow_pickle=False) as features:
        assert {key: features[key].shape for key in features.files} == {
            "X_train": (40, 128), "y_train": (40,), "X_val": (20, 128), "y_val": (20,),
            "X_test": (40, 128), "y_test": (40,), "classes": (3,),
        }  # fmt: skip
        assert features["X_train"].dtype == np.float32
        order = [row["class"] for row in read_csv("data/split.csv") if row["subset"] == "train"]
        assert features["classes"][features["y_train"]].tolist() == order
    results = []
    for _ in range(2):
        finetune.main()
        results.append(prepared().joinpath("data/finetune.weights.h5").read_bytes())
    assert results[0] == results[1]
    assert set(read_json("metrics/finetune.json")) == {"val", "test"}
    assert len(read_csv("plots/finetune_history.csv")) == 1


def test_features_are_those_of_the_network_one_by_one(prepared):
    extract.main()
    with np.load("data/features.npz") as file:
        features = file["X_test"]
    model, prepare = backbones.load()
    for i in (0, 17, 39):  # the last one is in the batch that was filled up
        image = finetune.decode(finetune.load_tiles()["test"].images[i], 32)
        np.testing.assert_allclose(model(prepare(image)[None]).numpy()[0], features[i], rtol=1e-3, atol=1e-4)
    prepared(**{"extract.preprocess": False})
    extract.main()
    with np.load("data/features.npz") as file:
        assert np.abs(file["X_test"] - features).max() > 0.1


@pytest.mark.parametrize("trainable", ["head", 1, 3, "all"])
def test_what_is_not_released_stays(prepared, trainable):
    prepared(**{"finetune.trainable": trainable, "finetune.lr": 0.01})
    finetune.main()
    before, _ = backbones.load()
    after = keras.Model(before.input, keras.Sequential([keras.Input((128,)), keras.layers.Dropout(0.1),
                        keras.layers.Dense(3, name="label")])(before.output))  # fmt: skip
    start = [w.copy() for w in before.get_weights()]
    after.load_weights("data/finetune.weights.h5")
    changed = sum(not np.array_equal(a, b) for a, b in zip(start, before.get_weights(), strict=True))
    assert {"head": changed == 0, 1: changed == 0, 3: changed < len(start), "all": changed == len(start)}[trainable]


def layers_after_release(**changes):
    network = keras.applications.MobileNetV2(input_shape=(32, 32, 3), alpha=0.35, include_top=False, weights=None)
    finetune.release(network, load_params().finetune.model_copy(update=changes))
    return network.layers


def test_batch_normalisation_is_set(world):
    world()
    normalisations = [layer for layer in layers_after_release() if isinstance(layer, keras.layers.BatchNormalization)]
    assert {(layer.trainable, layer.momentum) for layer in normalisations} == {(True, 0.9)}
    own = layers_after_release(batchnorm="frozen", batchnorm_momentum=None)
    normalisations = [layer for layer in own if isinstance(layer, keras.layers.BatchNormalization)]
    assert {(layer.trainable, layer.momentum) for layer in normalisations} == {(False, 0.999)}


def test_more_layers_than_there_are_is_refused(world):
    world()
    with pytest.raises(UserError, match=r"finetune.trainable: 1000 layers of \d+"):
        layers_after_release(trainable=1000)


def test_the_rate_rises_and_falls(world):
    world()
    params = load_params().finetune.model_copy(update={"epochs": 10, "warmup_epochs": 1, "lr": 0.5})
    rate = finetune.optimizer(params, 20)._learning_rate
    assert [float(rate(step)) for step in (0, 10, 20, 200)] == pytest.approx([0, 0.25, 0.5, 0])
    level = finetune.optimizer(
        params.model_copy(update={"schedule": "constant", "warmup_epochs": 0}), 20
    )._learning_rate
    assert float(level(0)) == float(level(199)) == 0.5


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw"])
def test_the_optimizer_is_the_one_asked_for(world, name):
    world()
    built = finetune.optimizer(load_params().finetune.model_copy(update={"optimizer": name, "clipnorm": None}), 20)
    assert type(built).__name__.lower() == name
    assert built.global_clipnorm is None


def test_a_tile_turns_in_all_eight_ways():
    tile = tf.reshape(tf.range(12.0), (2, 2, 3))
    ways = {finetune.turn(tile, quarters, flip).numpy().tobytes() for quarters in range(4) for flip in (False, True)}
    assert len(ways) == 8
    drawn = [finetune.turn_at_random(tile, tf.constant([0, place])).numpy().tobytes() for place in range(200)]
    assert set(drawn) == ways
    assert drawn[5] == finetune.turn_at_random(tile, tf.constant([0, 5])).numpy().tobytes()


def test_with_turns_an_image_and_its_turned_copy_are_one(world):
    """The mean over the eight ways is the same however the image lies."""
    world()
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)
    images = np.empty(2, object)
    images[:] = [tf.io.encode_png(image).numpy() for image in (pixels, np.rot90(pixels).copy())]
    keras.utils.set_random_seed(0)
    layers = [keras.Input((16, 16, 3)), keras.layers.Flatten(), keras.layers.Dense(3, activation="softmax")]
    model = keras.Sequential(layers)
    tiles = finetune.Tiles(images, np.array([0, 0]))
    scaled = lambda image: image / 255  # noqa: E731
    network = finetune.Network(model, scaled)
    plain, turned = (finetune.predict(network, tiles, "", turns).probabilities for turns in (False, True))
    assert not np.allclose(plain[0], plain[1], atol=1e-3)
    np.testing.assert_allclose(turned[0], turned[1], atol=1e-6)


def test_few_labels_are_tuned_on_too_and_change_nothing_else(prepared):
    finetune.main()
    alone = read_json("metrics/finetune.json")
    assert read_csv("plots/finetune_labels.csv") == []
    prepared(**{"finetune.label_sizes": [2, 5, 1000]})
    finetune.main()
    assert [row["images"] for row in read_csv("plots/finetune_labels.csv")] == ["6", "15"]
    assert read_json("metrics/finetune.json") == alone


def test_refit_tests_what_was_tuned_on_train_and_val_together(prepared):
    finetune.main()
    metrics, weights = read_json("metrics/finetune.json"), Path("data/finetune.weights.h5").read_bytes()
    history = read_csv("plots/finetune_history.csv")
    prepared(**{"finetune.refit": True})
    finetune.main()
    refitted = read_json("metrics/finetune.json")
    assert refitted["val"] == metrics["val"]  # of the model that has not seen them
    assert refitted["test"] != metrics["test"]
    assert Path("data/finetune.weights.h5").read_bytes() != weights
    assert read_csv("plots/finetune_history.csv") == history
    tiles = finetune.load_tiles()
    both = {"train": finetune.Tiles(*map(np.concatenate, zip(tiles["train"], tiles["val"], strict=True)))}
    model, prepare, fit = finetune.tune(both, 3, True, load_params().finetune, Path("both.npz"))
    assert "val_loss" not in fit.history
    said = finetune.predict(finetune.Network(model, prepare), tiles["test"], "test", False)
    assert refitted["test"]["accuracy"] == (said.actual == said.predicted).mean()
    keras.Model(model.input, model.output).save_weights("both.weights.h5")
    assert Path("both.weights.h5").read_bytes() == Path("data/finetune.weights.h5").read_bytes()
