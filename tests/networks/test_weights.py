import hashlib
from pathlib import Path

import h5py
import numpy as np
import pytest
from conftest import REPOSITORY

from eurosat_transfer.errors import UserError
from eurosat_transfer.networks.backbones import build_backbone
from eurosat_transfer.networks.weights import load_weights_file
from eurosat_transfer.parameters.backbone import Backbone
from eurosat_transfer.parameters.loading import load_section
from eurosat_transfer.tensorflow_setup import keras, make_reproducible

SIZE = 16


def parameters(path, **changes) -> Backbone:
    own = {"weights": str(path), "name": "tilenet"}
    return load_section(Backbone, REPOSITORY / "params.yaml").model_copy(update=own | changes)


@pytest.fixture(scope="module")
def built() -> keras.Model:
    """Build a network once."""
    make_reproducible(0)
    return build_backbone("tilenet", SIZE, {})


@pytest.fixture
def network(built) -> keras.Model:
    """Give the network the weights that every test starts with: 0."""
    built.set_weights([np.zeros(weight.shape) for weight in built.weights])
    return built


def weights_of(model: keras.Model) -> list[bytes]:
    return [weight.tobytes() for weight in model.get_weights()]


@pytest.fixture
def save(network, tmp_path):
    """Save the network with other weights, and return the path and these weights. The network itself stays as it is."""

    def save_others(layout: str = "current") -> tuple[Path, list[bytes]]:
        before, rng = network.get_weights(), np.random.default_rng(0)
        network.set_weights([rng.uniform(0.5, 1, weight.shape) for weight in before])
        path = write_weights(tmp_path / "saved", layout, network)
        saved = weights_of(network)
        network.set_weights(before)
        return path, saved

    return save_others


def write_legacy_layout(group: h5py.Group, model: keras.Model) -> None:
    """Write weights as Keras 1 and 2 did, and as the files that Keras Applications fetch still have them.

    The names of the layers and, in each layer's group, those of its weights are attributes.
    """
    group.attrs["layer_names"] = [layer.name.encode() for layer in model.layers]
    for layer in model.layers:
        of_layer = group.create_group(layer.name)
        of_layer.attrs["weight_names"] = [f"{layer.name}/{weight.name}:0".encode() for weight in layer.weights]
        for name, weight in zip(of_layer.attrs["weight_names"], layer.weights, strict=True):
            of_layer[name] = weight.numpy()


def write_weights(path: Path, layout: str, model: keras.Model) -> Path:
    if layout == "current":
        path = path.with_suffix(".weights.h5")
        model.save_weights(path)
        return path
    path = path.with_suffix(".h5")
    with h5py.File(path, "w") as file:
        write_legacy_layout(file if layout == "legacy" else file.create_group("model_weights"), model)
    return path


@pytest.mark.parametrize("layout", ["current", "legacy", "legacy, whole model"])
def test_every_layout_of_keras_is_read(layout, network, save):
    path, saved = save(layout)
    assert weights_of(network) != saved
    load_weights_file(network, parameters(path))
    assert weights_of(network) == saved


def test_checksum_is_compared(network, save):
    path, saved = save()
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(UserError, match=sha256):
        load_weights_file(network, parameters(path, sha256="0" * 64))
    assert weights_of(network) != saved
    load_weights_file(network, parameters(path, sha256=sha256))
    assert weights_of(network) == saved


@pytest.mark.parametrize("layout", ["current", "legacy"])
def test_weights_of_another_network_are_refused(layout, network, tmp_path):
    other = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    path = write_weights(tmp_path / "other", layout, other)
    with pytest.raises(UserError, match=r"^backbone\.weights: .*other.* does not fit tilenet: \S"):
        load_weights_file(network, parameters(path))


@pytest.mark.slow
def test_weights_of_another_width_are_refused(tmp_path):
    path = tmp_path / "wide.weights.h5"
    keras.applications.MobileNetV2(alpha=0.5, include_top=False, weights=None).save_weights(path)
    narrow = build_backbone("mobilenetv2", 32, {"alpha": 0.35})
    with pytest.raises(UserError, match="does not fit mobilenetv2"):
        load_weights_file(narrow, parameters(path, name="mobilenetv2"))


def test_file_without_some_of_the_weights_is_refused(network, save):
    path, _ = save()
    with h5py.File(path, "a") as file:
        arrays = []
        file.visititems(lambda name, item: arrays.append(name) if isinstance(item, h5py.Dataset) else None)
        layer = arrays[0].rpartition("/")[0]
        del file[layer]
    with pytest.raises(UserError, match="does not fit tilenet"):
        load_weights_file(network, parameters(path))


def test_file_that_changes_no_weight_is_refused(network, tmp_path):
    """Keras can read a file of another network without an error, and change no weight."""
    path = tmp_path / "same.weights.h5"
    network.save_weights(path)
    with pytest.raises(
        UserError, match=r"same\.weights\.h5 has no weights for tilenet; use a file that was saved from"
    ):
        load_weights_file(network, parameters(path))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no weights", r"text\.h5 is not an HDF5 file, or is truncated; allowed: weights saved by Keras"),
        (None, r"backbone\.weights: .*text\.h5"),
    ],
)
def test_files_without_weights_are_refused(content, message, network, tmp_path):
    if content is not None:
        (tmp_path / "text.h5").write_bytes(content)
    with pytest.raises(UserError, match=message):
        load_weights_file(network, parameters(tmp_path / "text.h5"))


def test_empty_and_truncated_files_are_refused(network, save, tmp_path):
    with h5py.File(tmp_path / "empty.h5", "w"):
        pass
    with pytest.raises(UserError, match="does not fit|has no weights"):
        load_weights_file(network, parameters(tmp_path / "empty.h5"))
    path, _ = save()
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(UserError, match="is not an HDF5 file, or is truncated|does not fit"):
        load_weights_file(network, parameters(path))
