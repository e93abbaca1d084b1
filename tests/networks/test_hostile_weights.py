"""Weights files that are made to do harm are refused: no other file is read, no code runs, and memory is bounded."""

from pathlib import Path

import h5py
import pytest
from conftest import REPOSITORY

from eurosat_transfer.errors import UserError
from eurosat_transfer.networks.backbones import build_backbone
from eurosat_transfer.networks.weights import MAX_ARRAY_BYTES, load_weights_file
from eurosat_transfer.parameters.backbone import Backbone
from eurosat_transfer.parameters.loading import load_section
from eurosat_transfer.tensorflow_setup import keras

PICKLE = b"cpathlib\nPath.touch\n(S'ran'\ntR."  # creates the file `ran` when it is unpickled


@pytest.fixture(scope="module")
def network():
    """Build a tiny tilenet. A test may change its weights."""
    return build_backbone("tilenet", 16, {})


@pytest.fixture(scope="module")
def weights(network, tmp_path_factory):
    """Save the weights of the network. Return the content of the file, the name of an array and its values."""
    path = tmp_path_factory.mktemp("weights") / "own.weights.h5"
    network.save_weights(path)
    with h5py.File(path) as file:
        names = []
        file.visititems(lambda name, item: names.append(name) if getattr(item, "ndim", 0) == 4 else None)
        return path.read_bytes(), names[0], file[names[0]][:]


def refused(network, path, message):
    params = load_section(Backbone, REPOSITORY / "params.yaml").model_copy(update={"weights": str(path)})
    with pytest.raises(UserError, match=message) as refusal:
        load_weights_file(network, params)
    assert "\n" not in str(refusal.value)


def replace_array(kind, file, name, values, folder):
    """Replace an array of an HDF5 file by something harmful. Return the message that this gives."""
    match kind:
        case "external link":
            file[name] = h5py.ExternalLink(str(folder / "secret.h5"), "secret")
            return "is a link; allowed: arrays in the file itself"
        case "soft link":
            file[name], file["there"] = h5py.SoftLink("/there"), values
            return "is a link; allowed: arrays in the file itself"
        case "external storage":
            where = [(str(folder / "secret.bin"), 0, values.nbytes)]
            file.create_dataset(name, values.shape, values.dtype, external=where)
            return "is stored in another file; allowed: arrays in the file itself"
        case "virtual":
            layout = h5py.VirtualLayout(values.shape, values.dtype)
            layout[...] = h5py.VirtualSource(folder / "secret.h5", "secret", values.shape)
            file.create_virtual_dataset(name, layout)
            return "is stored in another file; allowed: arrays in the file itself"
        case "huge":
            file.create_dataset(name, (10**6, 10**6), "f4", chunks=(100, 100), compression="gzip")
            return f"has 4000000000000 bytes; allowed: at most {MAX_ARRAY_BYTES}"
        case "huge chunks":
            file.create_dataset(name, (3,), "f4", maxshape=(None,), chunks=(9 * 10**8,))
            return f"has 3600000000 bytes; allowed: at most {MAX_ARRAY_BYTES}"
        case "text":
            file[name] = "no number"
        case "shape":
            file[name] = values[..., :1]
    return "does not fit tilenet"


KINDS = ["external link", "soft link", "external storage", "virtual", "huge", "huge chunks", "text", "shape"]


@pytest.mark.parametrize("kind", KINDS)
def test_links_and_bombs_are_refused(tmp_path, network, weights, kind):
    content, name, values = weights
    path = tmp_path / "own.weights.h5"
    path.write_bytes(content)
    (tmp_path / "secret.bin").write_bytes(values.tobytes())
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["secret"] = values
    with h5py.File(path, "a") as file:
        del file[name]
        message = replace_array(kind, file, name, values, tmp_path)
    refused(network, path, message)


def code_in_keras_file(path):
    layer = keras.layers.Lambda(lambda x: Path("ran").touch() or x)
    keras.Sequential([keras.Input((1,)), layer]).save(path)
    Path("ran").unlink(missing_ok=True)  # Keras calls the function once, to find the shape of its result


def pickle_file(path):
    path.write_bytes(PICKLE)


def pickle_before_hdf5(path):
    with h5py.File(path, "w", userblock_size=512):
        pass
    with path.open("r+b") as file:
        file.write(PICKLE)


@pytest.mark.parametrize(
    ("write", "name", "message"),
    [
        (code_in_keras_file, "code.keras", "is not an HDF5 file but a .keras file, .*save_weights"),
        (pickle_file, "code.h5", "is not an HDF5 file"),
        (pickle_before_hdf5, "code.h5", "does not fit tilenet|has no weights for tilenet"),
    ],
)
def test_code_in_a_weights_file_does_not_run(tmp_path, monkeypatch, network, write, name, message):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / name)
    refused(network, tmp_path / name, message)
    assert not Path("ran").exists()
