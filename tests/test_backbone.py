import hashlib
import shutil

import h5py
import numpy as np
import pytest

from stages import backbone
from stages.common import backbones
from stages.common.files import read_json
from stages.common.stage import UserError
from stages.common.tensorflow import keras


def refused(world, said, **changes):
    world(**changes)
    with pytest.raises(UserError, match=said):
        backbone.main()
    assert not (backbone.FOLDER / backbones.WEIGHTS).exists()


def test_tilenet_is_pretrained_to_the_same_bits(world):
    world(**{"backbone.weights": "auto", "backbone.pretrain.images": 256, "backbone.image_size": 16})
    results = []
    for _ in range(2):
        backbone.main()
        results.append((backbone.FOLDER / backbones.WEIGHTS).read_bytes())
    assert results[0] == results[1]
    world(**{"backbone.weights": "none", "backbone.image_size": 16})
    backbone.main()
    assert (backbone.FOLDER / backbones.WEIGHTS).read_bytes() != results[0]


def test_resnet50_from_a_server(world, tmp_path, serve):
    keras.utils.set_random_seed(7)
    original = keras.applications.ResNet50(include_top=False, weights=None, pooling="avg", input_shape=(64, 64, 3))
    file = tmp_path / "resnet50.weights.h5"
    original.save_weights(file)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    mine = {"backbone.name": "resnet50", "backbone.image_size": 64, "backbone.sha256": digest}
    world(**mine, **{"backbone.weights": f"{serve(tmp_path)}/resnet50.weights.h5"})
    backbone.main()
    assert read_json("metrics/backbone.json") == {"parameters": 23587712, "descriptor_size": 2048}
    assert "conv5_block3_3_conv" in (backbone.FOLDER / "summary.txt").read_text(encoding="utf-8")
    model, prepare = backbones.load()
    images = np.random.default_rng(0).uniform(0, 255, (2, 64, 64, 3)).astype(np.float32)
    expected = original(keras.applications.resnet50.preprocess_input(images.copy()), training=False)
    np.testing.assert_array_equal(model(prepare(images.copy()), training=False), expected)

    file.write_bytes(file.read_bytes()[:-1000])
    shutil.rmtree(backbone.FOLDER)
    shutil.rmtree("data/downloads")
    refused(world, "another checksum", **mine, **{"backbone.weights": f"{serve(tmp_path)}/resnet50.weights.h5"})
    refused(world, "has sha256", **mine, **{"backbone.weights": str(file)})
    unpinned = mine | {"backbone.sha256": None, "backbone.weights": str(file)}
    refused(world, "no HDF5 file, or a truncated one|does not fit", **unpinned)


def test_weights_in_the_layout_of_keras_own_downloads(world, tmp_path):
    legacy = pytest.importorskip("keras.src.legacy.saving.legacy_h5_format")
    original = keras.applications.MobileNetV2(alpha=0.35, include_top=False, weights=None, pooling="avg")
    with h5py.File(tmp_path / "weights.h5", "w") as file:
        legacy.save_weights_to_hdf5_group(file, original)
    mine = {"backbone.name": "mobilenetv2", "backbone.options": {"alpha": 0.35}}
    world(**mine, **{"backbone.weights": str(tmp_path / "weights.h5")})
    backbone.main()
    model, _ = backbones.load()
    assert all((a == b).all() for a, b in zip(model.get_weights(), original.get_weights(), strict=True))


def test_weights_of_another_network_are_refused(world, tmp_path):
    other = tmp_path / "other.weights.h5"
    keras.applications.MobileNetV2(alpha=0.5, include_top=False, weights=None).save_weights(other)
    mine = {"backbone.name": "mobilenetv2", "backbone.options": {"alpha": 0.35}, "backbone.weights": str(other)}
    refused(world, "does not fit mobilenetv2", **mine)
    refused(world, "does not fit tilenet", **{"backbone.weights": str(other)})


def test_weights_that_are_none_are_refused(world, tmp_path):
    (tmp_path / "text.h5").write_text("no weights")
    with h5py.File(tmp_path / "empty.h5", "w"):
        pass
    refused(world, "no HDF5 file", **{"backbone.weights": str(tmp_path / "text.h5")})
    refused(world, "does not fit|has nothing for", **{"backbone.weights": str(tmp_path / "empty.h5")})
    refused(world, "backbone.weights: no file 'nowhere.h5'", **{"backbone.weights": "nowhere.h5"})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"backbone.name": "resnet51"}, "backbone.name: no network 'resnet51'; allowed: tilenet, .*resnet50"),
        ({"backbone.name": "resnet50", "backbone.image_size": 31}, "backbone.name=resnet50 cannot be built.* 32"),
        ({"backbone.image_size": 8}, "tilenet takes images of 16 pixels and more, not 8"),
        ({"backbone.name": "mobilenetv2", "backbone.options": {"aalpha": 1}}, "cannot be built.*aalpha"),
        ({"backbone.options": {"alpha": 1}}, "backbone.options: tilenet takes none"),
    ],
)
def test_what_cannot_be_built_is_refused(world, changes, said):
    refused(world, said, **changes)


def test_every_network_of_keras_applications_is_known_by_name():
    known = backbones.keras_applications()
    assert {"resnet50", "mobilenetv2", "efficientnetb0", "vgg16", "convnexttiny", "densenet121"} <= set(known)
