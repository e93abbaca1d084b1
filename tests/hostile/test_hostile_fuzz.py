"""Readers of outside files get damaged files: they read them, or refuse them in one line."""

import contextlib
import zipfile

import numpy as np
import pytest
from conftest import REPOSITORY, encoded, write_tree
from geotiffs import ramp, raster_file
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eurosat_transfer.data.builders.folder import find_images
from eurosat_transfer.data.image_files import to_rgb
from eurosat_transfer.data.rendering import Rendering
from eurosat_transfer.errors import UserError
from eurosat_transfer.features.feature_set import load_features
from eurosat_transfer.networks.weights import load_weights_file
from eurosat_transfer.parameters.backbone import Backbone
from eurosat_transfer.parameters.loading import load_parameters, load_section
from eurosat_transfer.tensorflow_setup import keras

fuzz = settings(
    max_examples=500, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
cuts = st.tuples(st.floats(0, 1), st.floats(0, 0.1), st.binary(max_size=12))  # see damage()
some_cuts = st.lists(cuts, min_size=1, max_size=4)


def damage(content: bytes, cuts: list[tuple[float, float, bytes]]) -> bytes:
    """Replace parts of a file: from a position, given as a share of the file, a share of it by other bytes."""
    for where, share, piece in cuts:
        start = int(where * len(content))
        content = content[:start] + piece + content[start + int(share * len(content)) :]
    return content


def read_or_refuse(read, *arguments) -> None:
    """Read a file, or refuse it as stages do. Any other exception makes the test fail."""
    with contextlib.suppress(UserError):
        read(*arguments)


@pytest.mark.slow
@fuzz
@given(cuts=some_cuts)
def test_damaged_parameters_are_read_or_refused(world, cuts):
    path = world() / "params.yaml"
    path.write_bytes(damage((REPOSITORY / "params.yaml").read_bytes(), cuts))
    read_or_refuse(load_parameters, path)


@pytest.mark.parametrize(
    "content", ["a: &a [*a]", "[" * 500, "? [a]: b", "a: !!python/object:os.system x", "\0", "- *b"]
)
def test_parameter_files_with_unusual_yaml_are_refused(tmp_path, content):
    path = tmp_path / "params.yaml"
    path.write_text(content)
    with pytest.raises(UserError, match=r"params\.yaml"):
        load_parameters(path)


@fuzz
@given(cuts=some_cuts, form=st.sampled_from([("JPEG", "RGB"), ("PNG", "RGBA"), ("PNG", "P"), ("JPEG", "L")]))
def test_damaged_images_are_read_or_refused(cuts, form):
    read_or_refuse(to_rgb, damage(encoded((9, 99, 199), *form), cuts), "image")


RASTERS = [raster_file(ramp(3), *form) for form in (["PNG"], ["GTiff"])] + [raster_file(ramp(3), compress="deflate")]


@pytest.mark.slow
@fuzz
@given(cuts=some_cuts, content=st.sampled_from(RASTERS))
def test_damaged_rasters_are_read_or_refused(cuts, content):
    read_or_refuse(to_rgb, damage(content, cuts), "image", Rendering(None, (0, 2750)))


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """Return the content of a zip file of six images."""
    folder = tmp_path_factory.mktemp("archive")
    tree = write_tree(folder / "tree", images=3)
    with zipfile.ZipFile(folder / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(tree.rglob("*.jpg")):
            archive.write(file, file.relative_to(tree))
    return (folder / "x.zip").read_bytes()


@pytest.mark.slow
@fuzz
@given(cuts=some_cuts)
def test_damaged_archives_are_read_or_refused(tmp_path, archive, cuts):
    path = tmp_path / "damaged.zip"
    path.write_bytes(damage(archive, cuts))
    read_or_refuse(lambda: [image.read() for image in find_images(path).values()])


@pytest.mark.slow
@fuzz
@given(cuts=some_cuts)
def test_damaged_features_are_read_or_refused(features, tmp_path, cuts):
    path = tmp_path / "damaged.npz"
    np.savez(path, **features, classes=np.array(["a", "b", "c"]))
    path.write_bytes(damage(path.read_bytes(), cuts))
    read_or_refuse(load_features, path)


@pytest.fixture(scope="module")
def network():
    """Build a network of one small layer. Tests may change its weights."""
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])


@pytest.mark.slow
@settings(fuzz, max_examples=100)
@given(cuts=some_cuts)
def test_damaged_weights_are_read_or_refused(tmp_path, network, cuts):
    path = tmp_path / "damaged.weights.h5"
    network.save_weights(path)
    path.write_bytes(damage(path.read_bytes(), cuts))
    params = load_section(Backbone, REPOSITORY / "params.yaml").model_copy(update={"weights": str(path)})
    read_or_refuse(load_weights_file, network, params)
