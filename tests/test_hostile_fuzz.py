"""Readers of outside files, given garbage: whatever it is, they read it or refuse it in one line."""

import contextlib
import zipfile
from pathlib import Path

import numpy as np
import pytest
from conftest import REPOSITORY, encoded, write_tree
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stages import backbone
from stages.common.features import load_features
from stages.common.params import load_params
from stages.common.stage import UserError
from stages.common.tensorflow import keras
from stages.datasets.builder import as_rgb
from stages.datasets.folder import find_images

fuzz = settings(
    max_examples=500, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
cuts = st.tuples(st.floats(0, 1), st.floats(0, 0.1), st.binary(max_size=12))  # where, how much, in its place
damage = st.lists(cuts, min_size=1, max_size=4)


def damaged(content: bytes, wounds: list[tuple[float, float, bytes]]) -> bytes:
    """Replace pieces of a file's content by others."""
    for where, share, piece in wounds:
        start = int(where * len(content))
        content = content[:start] + piece + content[start + int(share * len(content)) :]
    return content


def read_or_refuse(read, *arguments) -> None:
    """Read, or refuse as stages do; any other exception is the test's."""
    with contextlib.suppress(UserError):
        read(*arguments)


@fuzz
@given(wounds=damage)
def test_parameters(world, wounds):
    path = world() / "params.yaml"
    path.write_bytes(damaged((REPOSITORY / "params.yaml").read_bytes(), wounds))
    read_or_refuse(load_params, path)


@pytest.mark.parametrize(
    "content", ["a: &a [*a]", "[" * 5000, "? [a]: b", "a: !!python/object:os.system x", "\0", "- *b"]
)
def test_parameters_that_are_odd(world, content):
    path = world() / "params.yaml"
    path.write_text(content)
    with pytest.raises(UserError, match=r"params.yaml"):
        load_params(path)


@fuzz
@given(wounds=damage, form=st.sampled_from([("JPEG", "RGB"), ("PNG", "RGBA"), ("PNG", "P"), ("JPEG", "L")]))
def test_images(wounds, form):
    read_or_refuse(as_rgb, damaged(encoded((9, 99, 199), *form), wounds), "image")


@fuzz
@given(wounds=damage)
def test_archives(tmp_path, wounds):
    whole, path = tmp_path / "whole.zip", tmp_path / "damaged.zip"
    if not whole.exists():
        tree = write_tree(tmp_path / "tree", images=3)
        with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(tree.rglob("*.jpg")):
                archive.write(file, file.relative_to(tree))
    path.write_bytes(damaged(whole.read_bytes(), wounds))

    def read_all():
        for read in find_images(path).values():
            read()

    read_or_refuse(read_all)


@fuzz
@given(wounds=damage)
def test_features(features, tmp_path, wounds):
    path = tmp_path / "damaged.npz"
    np.savez(path, **features, classes=np.array(["a", "b", "c"]))
    path.write_bytes(damaged(path.read_bytes(), wounds))
    read_or_refuse(load_features, path)


@settings(fuzz, max_examples=100)
@given(wounds=damage)
def test_weights(world, wounds):
    mine = {"backbone.weights": "damaged.weights.h5", "backbone.image_size": 16}
    world(**mine)
    path = Path("damaged.weights.h5")
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    model.save_weights(path)
    path.write_bytes(damaged(path.read_bytes(), wounds))
    read_or_refuse(backbone.load_own_weights, model, load_params().backbone)
