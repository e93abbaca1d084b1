import hashlib
import shutil

import numpy as np
import pytest

from eurosat_transfer.errors import UserError
from eurosat_transfer.io.json_files import read_json
from eurosat_transfer.networks.backbones import (
    FOLDER,
    NETWORK_FILE,
    SUMMARY_WIDTH,
    WEIGHTS_FILE,
    build_backbone,
    load_backbone,
)
from eurosat_transfer.tensorflow_setup import keras, make_reproducible
from stages import backbone


def refused(world, message, **changes):
    world(**changes)
    with pytest.raises(UserError, match=message):
        backbone.main()
    assert not (FOLDER / WEIGHTS_FILE).exists()


@pytest.mark.parametrize(("size", "pixels"), [("auto", 64), pytest.param(16, 16, marks=pytest.mark.slow)])
def test_stage_saves_a_network_with_random_weights(world, size, pixels):
    world(**{"backbone.weights": "none", "backbone.image_size": size, "backbone.seed": 3})
    backbone.main()
    assert read_json(FOLDER / NETWORK_FILE) == {"name": "tilenet", "image_size": pixels, "options": {}}
    make_reproducible(3)
    expected = build_backbone("tilenet", pixels, {})
    assert read_json("metrics/backbone.json") == {"parameters": expected.count_params(), "descriptor_size": 128}
    saved, _ = load_backbone()
    assert all(np.array_equal(a, b) for a, b in zip(saved.get_weights(), expected.get_weights(), strict=True))
    summary = (FOLDER / "summary.txt").read_text(encoding="utf-8")
    assert "global_average_pooling2d" in summary
    assert max(map(len, summary.splitlines())) <= SUMMARY_WIDTH


def test_networks_that_cannot_be_built_are_refused(world):
    refused(world, r"backbone\.name: there is no network 'resnet51'", **{"backbone.name": "resnet51"})


def test_missing_weights_file_is_refused(world):
    refused(world, r"backbone\.weights: .*'?nowhere\.h5'?", **{"backbone.weights": "nowhere.h5"})


@pytest.mark.slow
def test_resnet50_is_loaded_from_a_server(world, tmp_path, serve):
    keras.utils.set_random_seed(7)
    original = keras.applications.ResNet50(include_top=False, weights=None, pooling="avg", input_shape=(64, 64, 3))
    file = tmp_path / "resnet50.weights.h5"
    original.save_weights(file)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    changes = {"backbone.name": "resnet50", "backbone.image_size": 64, "backbone.sha256": digest}
    world(**changes, **{"backbone.weights": f"{serve(tmp_path)}/resnet50.weights.h5"})
    backbone.main()
    assert read_json("metrics/backbone.json") == {"parameters": 23587712, "descriptor_size": 2048}
    model, preprocess = load_backbone()
    images = np.random.default_rng(0).uniform(0, 255, (2, 64, 64, 3)).astype(np.float32)
    expected = original(keras.applications.resnet50.preprocess_input(images.copy()), training=False)
    np.testing.assert_array_equal(model(preprocess(images.copy()), training=False), expected)

    file.write_bytes(file.read_bytes()[:-1000])
    shutil.rmtree(FOLDER)
    shutil.rmtree("data/downloads")
    for weights in (f"{serve(tmp_path)}/resnet50.weights.h5", str(file)):
        refused(world, digest, **changes, **{"backbone.weights": weights})
