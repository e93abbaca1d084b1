import json

import numpy as np
import pytest

from eurosat_transfer.errors import UserError
from eurosat_transfer.networks import backbones
from eurosat_transfer.networks.backbones import (
    build_backbone,
    default_image_size,
    find_preprocess,
    keras_applications,
    load_backbone,
    save_backbone,
)
from eurosat_transfer.networks.tilenet import MIN_IMAGE_SIZE, tilenet
from eurosat_transfer.tensorflow_setup import keras, make_reproducible

GREY = np.full((1, 32, 32, 3), 127.5, np.float32)


def test_networks_of_keras_applications_are_known_by_their_names():
    known = keras_applications()
    assert {"resnet50", "mobilenetv2", "efficientnetb0", "vgg16", "convnexttiny", "densenet121"} <= set(known)
    assert known["resnet50"] == (keras.applications.ResNet50, keras.applications.resnet50.preprocess_input)
    assert known["vgg16"] == (keras.applications.VGG16, keras.applications.vgg16.preprocess_input)


def test_default_image_size_is_that_of_the_tiles_for_tilenet_only():
    assert default_image_size("tilenet") == 64
    assert default_image_size("resnet50") == default_image_size("mobilenetv2") == 224


@pytest.mark.parametrize(
    ("name", "expected"), [("tilenet", 0.0), ("mobilenetv2", 0.0), ("vgg16", 127.5 - 123.68), ("efficientnetb0", 127.5)]
)
def test_each_network_has_its_own_preprocessing(name, expected):
    """Grey has the value 127.5 in every channel. VGG16 subtracts a mean from each, and the first one is blue there."""
    assert float(find_preprocess(name)(GREY.copy())[0, 0, 0, -1]) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(("name", "width"), [("vgg16", 512), pytest.param("resnet50", 2048, marks=pytest.mark.slow)])
def test_backbone_ends_with_the_mean_over_all_positions(name, width):
    model = build_backbone(name, 32, {})
    assert model.input_shape == (None, 32, 32, 3)
    assert model.output_shape == (None, width)
    assert isinstance(model.layers[-1], keras.layers.GlobalAveragePooling2D)


@pytest.mark.slow
def test_options_reach_the_constructor():
    narrow, wide = (build_backbone("mobilenetv2", 32, {"alpha": alpha}).count_params() for alpha in (0.35, 0.5))
    assert narrow < wide


@pytest.mark.parametrize(
    ("name", "size", "options", "message"),
    [
        ("resnet51", 64, {}, r"backbone\.name: there is no network 'resnet51'; allowed: tilenet, .*resnet50"),
        ("resnet50", 31, {}, r"backbone\.name=resnet50 cannot be built with backbone\.image_size=31 .*32"),
        ("tilenet", 8, {}, r"image_size=8 .*: tilenet needs an image size of 16 pixels or more \(found 8\)"),
        ("mobilenetv2", 32, {"aalpha": 1}, r"cannot be built .*backbone\.options={'aalpha': 1}: .*aalpha"),
        ("tilenet", 32, {"alpha": 1}, r"backbone\.options={'alpha': 1} is not allowed for tilenet; allowed: {}"),
    ],
)
def test_networks_that_cannot_be_built_are_refused(name, size, options, message):
    with pytest.raises(UserError, match=message):
        build_backbone(name, size, options)


@pytest.fixture
def failing_network(monkeypatch):
    """Let a network of Keras Applications raise an exception."""

    def fail_with(error: Exception) -> None:
        def constructor(**_):
            raise error

        monkeypatch.setattr(backbones, "keras_applications", lambda: {"resnet50": (constructor, None)})

    return fail_with


def test_weights_that_keras_cannot_fetch_are_reported(failing_network):
    failing_network(Exception("URL fetch failure on\nhttps://example.org: no route to host"))
    message = (
        r"weights=auto: Keras could not fetch the ImageNet weights \(URL fetch failure on https.*no route to host\)"
    )
    with pytest.raises(UserError, match=message):
        build_backbone("resnet50", 32, {}, "imagenet")


@pytest.mark.parametrize(("weights", "text"), [(None, "URL"), ("imagenet", "something else")])
def test_other_failures_of_keras_are_not_hidden(failing_network, weights, text):
    failing_network(RuntimeError(text))
    with pytest.raises(RuntimeError, match=text):
        build_backbone("resnet50", 32, {}, weights)


@pytest.mark.slow
def test_saved_network_is_loaded_with_its_weights(tmp_path):
    make_reproducible(0)
    saved = build_backbone("tilenet", 32, {})
    save_backbone(tmp_path / "new/folder", saved, "tilenet", 32, {})
    images = np.random.default_rng(0).uniform(-1, 1, (2, 32, 32, 3)).astype(np.float32)
    make_reproducible(1)
    loaded, preprocess = load_backbone(tmp_path / "new/folder")
    random, _ = load_backbone(tmp_path / "new/folder", pretrained=False)
    np.testing.assert_array_equal(loaded(images), saved(images))
    assert not np.array_equal(random(images), saved(images))
    assert preprocess is find_preprocess("tilenet")
    network = json.loads((tmp_path / "new/folder/network.json").read_text())
    assert network == {"name": "tilenet", "image_size": 32, "options": {}}


@pytest.mark.parametrize(("size", "positions"), [(MIN_IMAGE_SIZE, 1), (64, 4)])
def test_tilenet_shrinks_images_by_16(size, positions):
    model = tilenet(size)
    assert model.layers[-1].input.shape == (None, positions, positions, 128)
    assert sum(isinstance(layer, keras.layers.Add) for layer in model.layers) == 3
    assert 450_000 < model.count_params() < 550_000
