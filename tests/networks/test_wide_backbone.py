"""Networks for images of all bands, made from networks for RGB images."""

import numpy as np
import pytest

from eurosat_transfer.data.band_names import EUROSAT
from eurosat_transfer.errors import UserError
from eurosat_transfer.networks.backbones import build_backbone, save_backbone
from eurosat_transfer.networks.tilenet import tilenet
from eurosat_transfer.networks.wide_backbone import inflate, load_network_for
from eurosat_transfer.tensorflow_setup import keras, tf

SIZE = 32
COLOURS = ("B04", "B03", "B02")
PREPROCESS = {
    "-1 to 1": keras.applications.mobilenet_v2.preprocess_input,
    "BGR without the mean": keras.applications.resnet.preprocess_input,
    "mean and deviation": keras.applications.densenet.preprocess_input,
    "nothing": tf.identity,
}


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(1)
    return tilenet(SIZE)


@pytest.fixture
def smooth():
    """Images in which each channel is brighter than the one before, so that no two can be mistaken."""
    values = np.random.default_rng(0).uniform((20, 100, 180), (80, 160, 240), (2, 4, 4, 3))
    return np.kron(values, np.ones((1, 8, 8, 1))).astype(np.float32)


def apply(model, prepare, images):
    return np.asarray(model(prepare(tf.constant(images, tf.float32)), training=False))


def inflated(network, prepare, bands):
    wide = tilenet(SIZE, len(bands))
    return wide, inflate(network, prepare, wide, bands)


@pytest.mark.parametrize("prepare", PREPROCESS.values(), ids=PREPROCESS)
def test_named_bands_keep_the_weights_of_their_colours(network, smooth, prepare):
    expected = apply(network, prepare, smooth)
    blue_red_green = smooth[..., [2, 0, 1]]
    found = apply(*inflated(network, prepare, ("B02", "B04", "B03")), blue_red_green)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())
    misnamed = apply(*inflated(network, prepare, COLOURS), blue_red_green)
    assert np.abs(misnamed - expected).max() > 0.02 * np.abs(expected).max()


@pytest.mark.parametrize("prepare", [PREPROCESS["-1 to 1"], tf.identity], ids=["-1 to 1", "nothing"])
def test_a_grey_image_has_the_features_of_the_grey_rgb_image(network, smooth, prepare):
    """The inflated weights have the sum of the RGB weights."""
    expected = apply(network, prepare, np.repeat(smooth[..., :1], 3, -1))
    found = apply(*inflated(network, prepare, EUROSAT), np.repeat(smooth[..., :1], 13, -1))
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


def test_a_band_without_a_colour_starts_from_the_mean_of_the_three(network):
    wide, _ = inflated(network, tf.identity, EUROSAT)
    kernel, rgb = np.asarray(wide.weights[0]), np.asarray(network.weights[0])
    assert kernel.shape == (3, 3, 13, 32)
    places = [EUROSAT.index(name) for name in COLOURS]
    np.testing.assert_allclose(kernel[:, :, places] * 13 / 3, rgb, rtol=1e-5)
    others = [place for place in range(13) if place not in places]
    mean = np.broadcast_to(rgb.mean(axis=2, keepdims=True), (3, 3, 10, 32))
    np.testing.assert_allclose(kernel[:, :, others] * 13 / 3, mean, rtol=1e-4, atol=1e-7)
    for source, target in zip(network.weights[1:], wide.weights[1:], strict=True):
        np.testing.assert_array_equal(source, target)


def test_a_saved_network_is_loaded_for_all_bands_or_for_rgb(network, smooth, tmp_path):
    save_backbone(tmp_path, network, "tilenet", SIZE, {})
    prepare = PREPROCESS["-1 to 1"]
    expected = apply(network, prepare, smooth)
    np.testing.assert_array_equal(apply(*load_network_for(None, True, tmp_path), smooth), expected)
    found = apply(*load_network_for(COLOURS, True, tmp_path), smooth)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)
    assert load_network_for(EUROSAT, True, tmp_path)[0].input_shape == (None, SIZE, SIZE, 13)


@pytest.mark.slow
def test_weights_of_a_normalisation_are_inflated_too(smooth, tmp_path):
    """EfficientNet has one before its first convolution."""
    keras.utils.set_random_seed(1)
    model = build_backbone("efficientnetb0", SIZE, {})
    (layer,) = (layer for layer in model.layers if isinstance(layer, keras.layers.Normalization))
    for weight, value in zip(layer.weights, ([0.4, 0.5, 0.6], [0.2, 0.3, 0.4], 0), strict=True):
        weight.assign(value)
    save_backbone(tmp_path, model, "efficientnetb0", SIZE, {})
    stem = "stem_conv"
    outputs = []
    for bands, images in ((None, smooth), (("B02", "B03", "B04"), smooth[..., ::-1])):
        loaded, prepare = load_network_for(bands, True, tmp_path)
        outputs.append(apply(keras.Model(loaded.input, loaded.get_layer(stem).output), prepare, images))
    np.testing.assert_allclose(*outputs, rtol=1e-3, atol=1e-4)


@pytest.mark.slow
def test_a_network_that_scales_three_channels_itself_is_refused(tmp_path):
    model = build_backbone("convnexttiny", SIZE, {})
    save_backbone(tmp_path, model, "convnexttiny", SIZE, {})
    with pytest.raises(UserError, match=r"convnext_tiny scales red, green and blue inside .*13 bands; choose another"):
        load_network_for(EUROSAT, True, tmp_path)
