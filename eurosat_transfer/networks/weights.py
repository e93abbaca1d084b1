"""Weights files that the user names, checked before Keras reads them."""

import contextlib
import math
import tempfile
import warnings
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import h5py
import numpy as np

from eurosat_transfer.errors import UserError
from eurosat_transfer.io.download import fetch_file
from eurosat_transfer.parameters.backbone import Backbone
from eurosat_transfer.tensorflow_setup import keras

MAX_ARRAY_BYTES = 2**30  # the largest array in Keras Applications, in VGG16's first dense layer, has 0.4 * 2**30 bytes


def check_self_contained(file: h5py.File) -> None:
    """Refuse an HDF5 file that would make HDF5 read other files, or unpack an array that is larger than any layer.

    Args:
        file: open for reading.

    Raises:
        ValueError: the file has a soft or external link, or an array that is stored in another file or is too large.

    Source:
        https://docs.h5py.org/en/stable/high/group.html#external-links
    """

    def check_link(name: str, link: h5py.HardLink | h5py.SoftLink | h5py.ExternalLink) -> str | None:
        return None if isinstance(link, h5py.HardLink) else f"{name!r} is a link; allowed: arrays in the file itself"

    def check_array(name: str, item: h5py.Group | h5py.Dataset) -> str | None:
        if not isinstance(item, h5py.Dataset):
            return None
        if item.external or item.is_virtual:
            return f"{name!r} is stored in another file; allowed: arrays in the file itself"
        size = max(math.prod(item.shape or ()), math.prod(item.chunks or ())) * item.dtype.itemsize
        return f"{name!r} has {size} bytes; allowed: at most {MAX_ARRAY_BYTES}" if size > MAX_ARRAY_BYTES else None

    # h5py's visitors stop at the first result that is not None.
    fault = file.visititems_links(check_link) or file.visititems(check_array)
    if fault:
        raise ValueError(fault)


def _describe_other_format(path: Path) -> str:
    """Say what a file is that is not HDF5, and what to do about it."""
    members: set[str] = set()
    with contextlib.suppress(BadZipFile, OSError, ValueError), ZipFile(path) as archive:
        members = set(archive.namelist())
    if "model.weights.h5" in members:
        return (
            "is not an HDF5 file but a .keras file, which may hold code; allowed: weights alone, in HDF5; if you trust "
            "the file, run `keras.saving.load_model(<file>).save_weights('x.weights.h5')` in Python and name that file"
        )
    if any(member.endswith("data.pkl") for member in members):
        return "is not an HDF5 file but one of PyTorch; allowed: weights saved by Keras, with model.save_weights"
    return "is not an HDF5 file, or is truncated; allowed: weights saved by Keras"


def load_weights_file(model: keras.Model, params: Backbone) -> None:
    """Load the weights file that backbone.weights names into a network.

    Args:
        model: the network, changed in place.
        params: weights is the path or address of the file, sha256 its checksum or None, name that of the network.

    Raises:
        UserError: the file is missing, has another checksum, is no weights file, or holds the weights of another
            network.
    """
    path = fetch_file(params.weights, f"sha256:{params.sha256}" if params.sha256 else None, "backbone.weights")
    if not h5py.is_hdf5(path):
        raise UserError(f"backbone.weights: {params.weights} {_describe_other_format(path)}")
    before = [w.copy() for w in model.get_weights()]
    try:
        with h5py.File(path) as file:
            check_self_contained(file)
            legacy = "layer_names" in file.attrs or "model_weights" in file
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            # Keras chooses the layout that it reads by the name of the file.
            named = Path(folder) / f"weights{'.h5' if legacy else '.weights.h5'}"
            named.symlink_to(path.resolve())
            # If an array is missing, Keras warns and keeps the random weights of that layer.
            warnings.filterwarnings("error", message="Skipping")
            model.load_weights(named)
    except (ValueError, OSError, LookupError, TypeError, AttributeError, RuntimeError, UserWarning) as error:
        reason = " ".join(str(error).split())[:300]
        raise UserError(f"backbone.weights: {params.weights} does not fit {params.name}: {reason}") from None
    if all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True)):
        raise UserError(
            f"backbone.weights: {params.weights} has no weights for {params.name}; use a file that was saved from it"
        )
