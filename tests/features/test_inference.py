"""A network applied to images gives what Keras gives, whatever else is in the batch."""

import os
import re
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from conftest import REPOSITORY, encoded, run

from eurosat_transfer.data.decoding import decode_image
from eurosat_transfer.data.image_tensors import raw_pixels, resize_image
from eurosat_transfer.errors import UserError
from eurosat_transfer.features import inference
from eurosat_transfer.features.inference import BATCH, BATCH_OF_SMALL_IMAGES, Network, describe_engine, load_network
from eurosat_transfer.io.json_files import write_json
from eurosat_transfer.networks import wide_backbone
from eurosat_transfer.networks.backbones import NETWORK_FILE, build_backbone, find_preprocess, save_backbone
from eurosat_transfer.networks.tilenet import tilenet
from eurosat_transfer.openvino_setup import openvino
from eurosat_transfer.tensorflow_setup import keras, tf

PIXEL_SIZE = 4


def mean_of_left_half(size: int = 32) -> keras.Model:
    """A model without weights: the mean colour of the left half of an image."""
    inputs = keras.layers.Input([size, size, 3])
    left = keras.layers.Cropping2D(((0, 0), (0, size // 2)))(inputs)
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(left))


def halves(left: tuple, right: tuple) -> bytes:
    """An image with two colours, side by side."""
    pixels = np.array([[left] * 16 + [right] * 16] * 32, np.uint8)
    return tf.io.encode_png(pixels).numpy()


COUNT_SETS_OF_CORES = """
import os
from contextlib import suppress
from pathlib import Path
from eurosat_transfer.features.inference import Network, fixed_images
from eurosat_transfer.networks.backbones import build_backbone

def cores_of_threads():
    for thread in Path("/proc/self/task").iterdir():
        with suppress(ProcessLookupError):  # it has just ended
            yield frozenset(os.sched_getaffinity(int(thread.name)))

extracted = Network(build_backbone("resnet50", 32, {}), threads=1).extract(enumerate(fixed_images() * 25), 8)
found = {cores for _ in extracted for cores in cores_of_threads()}
assert frozenset(os.sched_getaffinity(0)) in found
print(len(found))
"""


def images_of(count: int) -> list[bytes]:
    return [encoded((7 * i % 256, 90, 255 - 7 * i % 256), size=(20 + i % 50, 50)) for i in range(count)]


def features_of(network: Network, images: list[bytes]) -> np.ndarray:
    extracted = list(network.extract(enumerate(images), PIXEL_SIZE))
    assert [row.key for row in extracted] == list(range(len(images)))
    return np.stack([row.features for row in extracted])


@pytest.fixture(params=["processor", "gpu"])
def engine(request, monkeypatch):
    """Run a test with OpenVINO, and with what runs on a GPU: TensorFlow."""
    if request.param == "gpu":
        monkeypatch.setattr(inference, "gpus", lambda: [{"device_name": "a GPU that is not there"}])


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("count", [0, 1, BATCH_OF_SMALL_IMAGES, 7 * BATCH_OF_SMALL_IMAGES + 3])
def test_each_image_gets_its_own_features_and_pixels(count):
    """Seven batches and a rest are more than the engine works on at a time."""
    colours = [(n % 256, 255 - n % 256, n // 2) for n in range(count)]
    images = ((1000 - n, halves(colours[n], (0, 0, 0))) for n in range(count))
    extracted = list(Network(mean_of_left_half(), tf.identity).extract(images, 1))
    assert [row.key for row in extracted] == [1000 - n for n in range(count)]
    for row, colour in zip(extracted, colours, strict=True):
        np.testing.assert_allclose(row.features, colour, atol=1e-3)
        np.testing.assert_allclose(row.pixels, np.array(colour) / 2, atol=0.51)  # one pixel: the mean of both halves
        assert (row.features.dtype, row.pixels.dtype) == (np.float32, np.uint8)


@pytest.mark.usefixtures("engine")
def test_images_are_preprocessed_and_turned_to_the_asked_view():
    images = [halves((10 * n, 0, 100), (200, 10 * n, 0)) for n in range(20)]
    network = Network(mean_of_left_half(), lambda batch: batch / 2)
    np.testing.assert_allclose(network.predict(images, "images")[7], [35, 0, 50], atol=1e-3)
    flipped = network.predict(np.array(images, object), "images", tf.image.flip_left_right)
    np.testing.assert_allclose(flipped, [[100, 5 * n, 0] for n in range(20)], atol=1e-3)


def test_predict_and_extract_agree():
    network, images = Network(mean_of_left_half(), tf.identity), images_of(40)
    assert np.array_equal(network.predict(images, "images"), features_of(network, images))
    assert network.predict([], "images").shape == (0, 3)


def test_large_images_come_in_smaller_batches():
    assert Network(mean_of_left_half(112), tf.identity).batch == BATCH_OF_SMALL_IMAGES
    assert Network(mean_of_left_half(114), tf.identity).batch == BATCH


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("tilenet", 32),
        pytest.param("resnet50", 32, marks=pytest.mark.slow),
        pytest.param("mobilenetv2", 96, marks=pytest.mark.slow),
    ],
)
def test_features_agree_with_those_of_keras(name, size, monkeypatch):
    keras.utils.set_random_seed(0)
    model, preprocess = build_backbone(name, size, {}), find_preprocess(name)
    images = images_of(BATCH_OF_SMALL_IMAGES + 3)
    decoded = [decode_image(image) for image in images]
    expected = model(preprocess(tf.stack([resize_image(image, size) for image in decoded]))).numpy()
    network = Network(model, preprocess)
    extracted = list(network.extract(enumerate(images), PIXEL_SIZE))
    features = np.stack([row.features for row in extracted])
    np.testing.assert_allclose(features, expected, rtol=1e-3, atol=1e-5 * np.abs(expected).max())
    assert np.array_equal(
        [row.pixels for row in extracted], [raw_pixels(image[None], PIXEL_SIZE)[0] for image in decoded]
    )
    alone = [features_of(network, [image])[0] for image in (images[0], images[-1])]
    assert np.array_equal(features[[0, -1]], alone)  # to the bit, whatever else is in the batch
    monkeypatch.setattr(inference, "gpus", lambda: [{"device_name": "a GPU that is not there"}])
    np.testing.assert_allclose(
        features_of(Network(model, preprocess), images), expected, rtol=1e-3, atol=1e-5 * np.abs(expected).max()
    )


def test_bfloat16_is_near_float32_and_repeats_its_bits():
    keras.utils.set_random_seed(0)
    model, preprocess = build_backbone("mobilenetv2", 64, {"alpha": 0.35}), find_preprocess("mobilenetv2")
    images = images_of(BATCH_OF_SMALL_IMAGES + 3)
    exact = features_of(Network(model, preprocess), images)
    features, again = (features_of(Network(model, preprocess, precision="bfloat16"), images) for _ in range(2))
    assert np.array_equal(features, again)
    alone = features_of(Network(model, preprocess, precision="bfloat16"), images[-1:])
    assert np.array_equal(features[-1:], alone)
    difference = np.abs(features - exact).max() / np.abs(exact).max()
    assert 0 < difference < 0.03


@pytest.mark.skipif(not find_spec("nncf"), reason="needs nncf")
def test_int8_is_near_float32_and_depends_on_its_calibration():
    keras.utils.set_random_seed(0)
    size = 32
    layers = [keras.layers.Conv2D(24, 3, 2, activation="relu"), keras.layers.Conv2D(48, 3, 2, activation="relu")]
    model = keras.Sequential([keras.Input((size, size, 3)), *layers, keras.layers.GlobalAveragePooling2D()])
    images = images_of(BATCH_OF_SMALL_IMAGES + 3)
    exact = features_of(Network(model), images)
    features, again, other = (
        features_of(Network(model, precision="int8", calibration=calibration), images)
        for calibration in (images, images, [encoded((20, 20, 20))])
    )
    assert np.array_equal(features, again)
    assert 0 < np.abs(features - exact).max() < 0.06 * np.abs(exact).max()
    assert np.abs(other - exact).max() > 0.1 * np.abs(exact).max()  # dark images: brighter ones are cut off
    alone = features_of(Network(model, precision="int8", calibration=images), images[-1:])
    assert np.array_equal(features[-1:], alone)


def test_int8_without_images_for_its_calibration_is_refused(tmp_path):
    save_backbone(tmp_path, tilenet(16), "tilenet", 16, {})
    with pytest.raises(UserError, match=r"^extract\.precision=int8 needs train tiles for the calibration"):
        load_network(True, "int8", tmp_path)


def test_the_precision_is_in_the_engine():
    engines = [Network(mean_of_left_half(), tf.identity, precision=p).engine for p in ("float32", "bfloat16")]
    assert [engine[-2] for engine in engines] == ["float32", "bfloat16"]


@pytest.mark.parametrize(("preprocess", "expected"), [(True, [25, 0, 50]), (False, [50, 0, 100])])
def test_the_saved_network_preprocesses_only_if_asked(monkeypatch, tmp_path, preprocess, expected):
    asked = []

    def load_backbone(folder: Path, pretrained: bool) -> tuple:
        assert pretrained
        asked.append(folder)
        return mean_of_left_half(), lambda batch: batch / 2

    write_json(tmp_path / NETWORK_FILE, {"name": "tilenet"})
    monkeypatch.setattr(wide_backbone, "load_backbone", load_backbone)
    network = load_network(preprocess, folder=tmp_path)
    assert (asked, network.image_size, network.width) == ([tmp_path], 32, 3)
    np.testing.assert_allclose(network.predict([halves((50, 0, 100), (1, 2, 3))], "images"), [expected], atol=1e-3)


def test_the_engine_names_libraries_processor_and_gpus(monkeypatch):
    described = describe_engine()
    *description, digest = Network(mean_of_left_half(), tf.identity).engine
    assert description == [*described, "float32"]
    assert re.fullmatch("[0-9a-f]{64}", digest)
    assert described[:3] == [tf.__version__, openvino.__version__, keras.__version__]
    assert openvino.Core().get_property("CPU", "FULL_DEVICE_NAME") in described
    monkeypatch.setattr(inference, "gpus", lambda: [{"device_name": "a GPU that is not there"}])
    assert any("a GPU that is not there" in part for part in describe_engine())


@pytest.mark.usefixtures("engine")
def test_the_engine_is_another_if_the_network_gives_another_last_bit(monkeypatch):
    def engine() -> list[str]:
        return Network(mean_of_left_half(), tf.identity).engine

    def with_another_bit(*arguments):
        for rows, batch in run(*arguments):
            rows = rows.copy()
            rows[0, 0] = np.nextafter(rows[0, 0], np.float32(np.inf))
            yield rows, batch

    first = engine()
    assert engine() == first
    name = "_run_by_tensorflow" if inference.gpus() else "_run_by_openvino"
    run = getattr(inference, name)
    monkeypatch.setattr(inference, name, with_another_bit)
    assert engine()[:-1] == first[:-1]
    assert engine()[-1] != first[-1]


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="only Linux tells on which cores a thread may run")
@pytest.mark.slow
def test_no_thread_is_bound_to_a_core():
    """Otherwise two processes with one thread each would share the first core.

    A process of its own has no threads of other tests. NNCF binds those that it calibrates with.
    """
    result = run(sys.executable, "-c", COUNT_SETS_OF_CORES, cwd=REPOSITORY)
    assert result.returncode == 0, result.stderr
    assert result.stdout == "1\n"


def test_errors_of_the_reader_and_of_an_image_come_through():
    network = Network(mean_of_left_half(), tf.identity)

    def images():
        yield 0, encoded((1, 2, 3))
        raise UserError("data/array_records cannot be read")

    with pytest.raises(UserError, match="data/array_records cannot be read"):
        list(network.extract(images(), PIXEL_SIZE))
    with pytest.raises(UserError, match="an image of the data set cannot be decoded"):
        list(network.extract([(0, b"\xff\xd8\xff no image")], PIXEL_SIZE))
    with pytest.raises(UserError, match="an image of the data set cannot be decoded"):
        network.predict([encoded((1, 2, 3)), b"no image"], "images")
    assert len(features_of(network, images_of(2))) == 2  # it still works
