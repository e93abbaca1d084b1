"""Networks from ONNX files give the features that they give where they come from."""

import importlib.util
import subprocess
import sys

import numpy as np
import onnx
import pytest
import tf2onnx
from networks.onnx_files import EXPORTED, as_png, compute, load, mean_of_channels, read, settings, write
from onnx import TensorProto, helper

from eurosat_transfer.data.band_names import EUROSAT
from eurosat_transfer.data.network_inputs import encode_bands
from eurosat_transfer.errors import UserError
from eurosat_transfer.features import inference
from eurosat_transfer.features.inference import load_network
from eurosat_transfer.precision import usable_precision
from eurosat_transfer.tensorflow_setup import keras, tf

AS_IT_IS = {"divide_by": 1, "mean": 0, "std": 1}


@pytest.fixture(scope="module")
def recorded():
    """Load the images, and what PyTorch computed for them."""
    with np.load(EXPORTED / "outputs.npz") as file:
        return dict(file)


@pytest.fixture(scope="module", params=["recorded", "exported now"])
def exported(request, tmp_path_factory):
    """Return a folder with networks from PyTorch. PyTorch runs in a process of its own, without TensorFlow."""
    if request.param == "recorded":
        return EXPORTED
    if not all(map(importlib.util.find_spec, ("torch", "onnxscript"))):
        pytest.skip("needs torch and onnxscript")
    folder = tmp_path_factory.mktemp("exported")
    subprocess.run([sys.executable, str(EXPORTED.parent / "pytorch_networks.py"), str(folder)], check=True)
    return folder


def assert_equal(found, expected):
    assert np.abs(expected).max() > 0.3  # so that the tolerance means something
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "pooling", "pool"),
    [
        ("convolutions", "mean", lambda maps: maps.mean((2, 3))),
        ("transformer", "mean", lambda tokens: tokens.mean(1)),
        ("transformer", "first", lambda tokens: tokens[:, 0]),
    ],
)
def test_features_are_those_of_pytorch(exported, tmp_path, name, pooling, pool):
    with np.load(exported / "outputs.npz") as file:
        images, outputs = file["images"], file[name]
    found = compute(settings(exported / f"{name}.onnx", pooling=pooling), tmp_path, images)
    assert_equal(found, pool(outputs))


SENTINEL = [*(f"B{number:02d}" for number in range(1, 9)), "B8A", "B09", "B10", "B11", "B12"]  # B8A is ninth


@pytest.mark.parametrize("order", ["of the tiles", "of Sentinel-2"])
def test_features_of_all_bands_are_those_of_pytorch(exported, tmp_path, order):
    """The tiles have B8A last. A network that was trained with another order gets its bands by their names."""
    with np.load(exported / "outputs.npz") as file:
        names, tiles, maps = EUROSAT, file["images_of_bands"], file["bands"]
    if order == "of Sentinel-2":
        names, tiles = SENTINEL, tiles[..., [SENTINEL.index(name) for name in EUROSAT]]
    mean, std = [number / 20 for number in range(13)], [0.2 + number / 20 for number in range(13)]
    network = load(settings(exported / "bands.onnx", bands=list(names), mean=mean, std=std), tmp_path, bands=EUROSAT)
    assert (network.channels, network.width) == (13, 12)
    assert_equal(network.predict([encode_bands(tile, None) for tile in tiles], "tiles"), maps.mean((2, 3)))


@pytest.mark.parametrize(
    ("bands", "expected"),
    [(["red", "green", "blue"], [3, 2, 1]), (["b8", "nir", "B1"], None), (["near infrared", "B8A", "b1"], [7, 12, 0])],
)
@pytest.mark.parametrize("preprocess", [True, False])
def test_a_network_takes_its_bands_by_name(tmp_path, bands, expected, preprocess):
    params = settings(mean_of_channels(tmp_path / "x"), bands=bands, **AS_IT_IS)
    if expected is None:
        with pytest.raises(
            UserError, match=r"^backbone\.onnx\.bands has nir; allowed: the bands of the images, B01, B02, "
        ):
            load(params, tmp_path, bands=EUROSAT)
    else:
        network = load(params, tmp_path, preprocess, EUROSAT)
        tile = np.broadcast_to(np.arange(13, dtype=np.uint8), (8, 8, 13))
        np.testing.assert_allclose(network.predict([encode_bands(tile, None)], "tiles"), [expected], rtol=1e-5)


@pytest.mark.parametrize("pooled", [True, False])
def test_features_are_those_of_keras(recorded, tmp_path, pooled):
    keras.utils.set_random_seed(0)
    layers = [keras.Input((16, 16, 3)), keras.layers.Conv2D(9, 3, 2), keras.layers.ReLU()]
    model = keras.Sequential([*layers, *([keras.layers.GlobalAveragePooling2D()] if pooled else [])])
    spec = tf.TensorSpec((None, 16, 16, 3), tf.float32, name="images")
    tf2onnx.convert.from_function(
        tf.function(lambda x: model(x, training=False), input_signature=[spec]), [spec], 13, output_path=tmp_path / "k"
    )
    means = keras.Sequential([*model.layers, *([] if pooled else [keras.layers.GlobalAveragePooling2D()])])
    scaled = [0.5, 0.4, 0.3], [0.2, 0.3, 0.4]
    expected = means((recorded["images"] / np.float32(255) - np.float32(scaled[0])) / np.float32(scaled[1]))
    found = compute(settings(tmp_path / "k", mean=scaled[0], std=scaled[1]), tmp_path, recorded["images"])
    assert_equal(found, expected.numpy())


@pytest.mark.parametrize(
    ("changes", "preprocess", "expected"),
    [
        (AS_IT_IS, True, [10, 100, 250]),
        ({"divide_by": 10, "mean": 1, "std": 3}, True, [0, 3, 8]),
        ({"divide_by": 10, "mean": [1, 10, 5], "std": [1, 2, 4]}, True, [0, 0, 5]),
        ({"bands": ["blue", "red", "green"], "divide_by": 10, "mean": [1, 0, 0], "std": 1}, True, [24, 1, 10]),
        ({"bands": ["blue", "red", "green"], "divide_by": 10, "mean": 7, "std": 3}, False, [250, 10, 100]),
    ],
)
def test_preprocessing_is_what_was_declared(tmp_path, changes, preprocess, expected):
    image = np.full((1, 8, 8, 3), (10, 100, 250), np.uint8)
    found = compute(settings(mean_of_channels(tmp_path / "x"), **changes), tmp_path, image, preprocess)
    np.testing.assert_allclose(found, [expected], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("shape", "steps", "expected"),
    [
        (("n", 3, 8, 8), [], [10, 100, 250]),
        (("n", 8, 8, 3), [], [10, 100, 250]),
        (("n", 3, 8, 8), [("Transpose", {"perm": (0, 2, 3, 1)})], [10, 100, 250]),  # as some transformers do
        (("n", 8, 8, 3), [("Transpose", {"perm": (0, 3, 1, 2)})], [10, 100, 250]),
        (("n", 3, 8, 8), [("GlobalAveragePool", {})], [10, 100, 250]),
        (("n", 3, 8, 8), [("GlobalAveragePool", {}), ("Flatten", {})], [10, 100, 250]),
        ((1, 3, 8, 8), [], [10, 100, 250]),  # any number of images, whatever the file says
    ],
    ids=str,
)
def test_every_form_of_features_becomes_a_vector(tmp_path, shape, steps, expected):
    nodes = [helper.make_node(op, [f"v{i}"], [f"v{i + 1}"], **options) for i, (op, options) in enumerate(steps)]
    ends = [helper.make_node("Abs", ["x"], ["v0"]), *nodes, helper.make_node("Abs", [f"v{len(steps)}"], ["y"])]
    images = np.stack([np.full((8, 8, 3), (10, 100, 250)), np.zeros((8, 8, 3))]).astype(np.uint8)
    params = settings(write(tmp_path / "x", ends, shape), **AS_IT_IS)
    np.testing.assert_allclose(compute(params, tmp_path, images), [expected, [0, 0, 0]], rtol=1e-5)


def test_names_in_the_file_cannot_clash_with_those_of_the_project(tmp_path):
    names = ["images", "features", "prepared", "factor", "positions", "token", "network/x"]
    nodes = [helper.make_node("Abs", [a], [b]) for a, b in zip(["x", *names], [*names, "y"], strict=True)]
    image = np.full((1, 8, 8, 3), (10, 100, 250), np.uint8)
    params = settings(write(tmp_path / "x", nodes), **AS_IT_IS)
    np.testing.assert_allclose(compute(params, tmp_path, image), [[10, 100, 250]], rtol=1e-5)


def test_one_of_several_outputs_is_used(tmp_path):
    nodes = [helper.make_node("Neg", ["x"], ["a"]), helper.make_node("Abs", ["a"], ["b"])]
    path = write(tmp_path / "x", nodes, outputs=("a", "b"))
    image = np.full((1, 8, 8, 3), (10, 100, 250), np.uint8)
    found = compute(settings(path, output="a", **AS_IT_IS), tmp_path, image)
    np.testing.assert_allclose(found, [[-10, -100, -250]], rtol=1e-5)
    for wrong in (None, "c"):
        with pytest.raises(UserError, match=rf"backbone\.onnx\.output={wrong or 'null'}; allowed: .* a, b$"):
            read(settings(path, output=wrong))


def test_half_precision_and_weights_among_the_inputs(tmp_path):
    """Old exporters list weights among the inputs."""
    nodes = [helper.make_node("Mul", ["x", "w"], ["y"])]
    path = write(tmp_path / "x", nodes, constants={"w": np.float16(2)}, dtype=TensorProto.FLOAT16)
    model = onnx.load(path)
    model.graph.input.append(helper.make_tensor_value_info("w", TensorProto.FLOAT16, ()))
    onnx.save(model, path)
    network = load(settings(path, **AS_IT_IS), tmp_path / "saved")
    image = np.full((1, 8, 8, 3), (10, 100, 250), np.uint8)
    found = compute(settings(path, **AS_IT_IS), tmp_path, image)
    np.testing.assert_allclose(found, [[20, 200, 500]], rtol=1e-2)
    assert (found.dtype, network.width, network.image_size) == (np.float32, 3, 8)


def test_external_data_beside_the_file_becomes_a_part_of_the_network(tmp_path):
    model = onnx.load(EXPORTED / "transformer.onnx")
    onnx.save(model, tmp_path / "model.onnx", save_as_external_data=True, location="model.onnx.data", size_threshold=0)
    assert (tmp_path / "model.onnx.data").stat().st_size > 10000
    network = load(settings(tmp_path / "model.onnx"), tmp_path / "saved")
    (tmp_path / "model.onnx.data").unlink()
    assert network.engine == load(settings(EXPORTED / "transformer.onnx"), tmp_path / "other").engine


def test_bfloat16_is_close_to_float32(recorded, tmp_path):
    """A processor without bfloat16 computes in float32."""
    load(settings(EXPORTED / "convolutions.onnx"), tmp_path)
    images = [as_png(image) for image in recorded["images"]]
    networks = [load_network(True, precision, tmp_path) for precision in ("float32", "bfloat16")]
    exact, fast = (network.predict(images, "images") for network in networks)
    np.testing.assert_allclose(fast, exact, atol=0.02 * np.abs(exact).max())
    assert (fast != exact).any() == (usable_precision("bfloat16") == "bfloat16")


def test_a_line_says_that_a_gpu_is_not_used(tmp_path, monkeypatch, capsys):
    load(settings(EXPORTED / "convolutions.onnx"), tmp_path)
    monkeypatch.setattr(inference, "gpus", lambda: [{"device_name": "a GPU"}])
    load_network(True, "float32", tmp_path)
    assert capsys.readouterr().out.endswith(
        "backbone.name=onnx runs on the CPU, in OpenVINO: the GPU is not used for features\n"
    )


def test_image_size_is_that_of_the_file_or_a_number(tmp_path):
    fixed, free = (
        mean_of_channels(tmp_path / name, shape=shape)
        for name, shape in (("fixed", ("n", 3, 8, 8)), ("free", ("n", 3, "h", "w")))
    )
    assert [read(settings(*arguments)).image_size for arguments in ((fixed,), (fixed, 8), (free, 24))] == [8, 8, 24]
    for path, size, message in (
        (fixed, 16, r"shape \(\?, 3, 8, 8\), which does not fit backbone\.image_size=16"),
        (free, "auto", r"set backbone\.image_size to a number of pixels"),
        (mean_of_channels(tmp_path / "wide", shape=("n", 3, 8, 16)), "auto", "allowed: square images"),
    ):
        with pytest.raises(UserError, match=message):
            read(settings(path, size))


@pytest.mark.parametrize(
    ("nodes", "options", "message"),
    [
        ([("Abs", ["x"])], {"shape": ("n", 12, 8, 8)}, r"shape \(\?, 12, 8, 8\); allowed: \(n, 3, height, width\)"),
        ([("Abs", ["x"])], {"shape": ("n", 192)}, r"shape \(\?, 192\); allowed"),
        ([("Abs", ["x"])], {"dtype": TensorProto.INT32}, "its input x is not of floating-point numbers"),
        ([("ReduceMean", ["x"])], {}, r"its output has the shape \[1,1,1,1\] for 3 images"),
        ([("Reshape", ["x", "s"])], {"constants": {"s": [1, 192]}}, r"it does not take 3 images at a time; export"),
        ([("Reshape", ["x", "s"])], {"constants": {"s": [1, -1]}}, r"shape \[1,576\] for 3 images"),
        (
            [("ReduceMean", ["x", "s"]), ("Sub", ["x", "v1"])],
            {"constants": {"s": [0]}},
            "depend on the rest of",
        ),
        ([("Mul", ["x", "s"])], {"constants": {"s": np.float32("inf")}}, "its features of noise are not finite"),
        ([("Tile", ["x", "s"])], {"constants": {"s": [1, 1, 1500, 1500]}}, r"tensor of shape .*; allowed: at most"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_networks_of_another_form_are_refused(tmp_path, nodes, options, message):
    made = [helper.make_node(op, inputs, [f"v{i}"]) for i, (op, inputs) in enumerate(nodes, 1)]
    path = write(tmp_path / "x", made, outputs=(f"v{len(made)}",), **options)
    with pytest.raises(UserError, match=message) as refusal:
        read(settings(path))
    assert str(refusal.value).startswith(f"backbone.weights: {path} cannot be used as a backbone: ")
    assert "\n" not in str(refusal.value)


def test_the_first_token_needs_tokens(tmp_path):
    with pytest.raises(UserError, match=r"backbone\.onnx\.pooling=first needs an output of tokens \(found the shape"):
        read(settings(mean_of_channels(tmp_path / "x"), pooling="first"))


def test_a_network_with_two_inputs_is_refused(tmp_path):
    path = write(tmp_path / "x", [helper.make_node("Add", ["x", "other"], ["y"])])
    model = onnx.load(path)
    model.graph.input.append(helper.make_tensor_value_info("other", TensorProto.FLOAT, ("n", 3, 8, 8)))
    onnx.save(model, path)
    with pytest.raises(UserError, match="it has the inputs x, other; allowed: one, for images"):
        read(settings(path))
