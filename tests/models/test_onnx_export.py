"""The export of a classifier to ONNX."""

import numpy as np
import onnxruntime
import pytest
from networks.onnx_files import EXPORTED, as_png, settings
from networks.onnx_files import load as load_network

from eurosat_transfer.data.colour_statistics import colour_statistics
from eurosat_transfer.data.image_tensors import resize_image
from eurosat_transfer.evaluation.familiarity import Familiarity, fit_familiarity
from eurosat_transfer.models.augmentation import VIEWS, turn
from eurosat_transfer.models.onnx_export import export_classifier, resize_by_matrices
from eurosat_transfer.models.saved_classifier import SavedClassifier
from eurosat_transfer.networks.frozen import load_frozen
from eurosat_transfer.prediction.inference import Classifier
from eurosat_transfer.tensorflow_setup import keras, tf

SIZE, CLASSES = 32, 4


def photograph(height: int, width: int) -> np.ndarray:
    """Draw an image with structure of all sizes."""
    rng = np.random.default_rng(height)
    coarse = np.kron(rng.integers(0, 200, (8, 8, 3)), np.ones((height // 8 + 1, width // 8 + 1, 1)))[:height, :width]
    return (coarse + rng.integers(0, 55, (height, width, 3))).astype(np.uint8)


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    convolution = keras.layers.Conv2D(8, 3, 2, activation="relu")
    return keras.Sequential([keras.Input((SIZE, SIZE, 3)), convolution, keras.layers.GlobalAveragePooling2D()])


def classifier(network, test_turns: bool) -> SavedClassifier:
    rng = np.random.default_rng(0)
    weights = rng.normal(0, 3, (8, CLASSES)).astype(np.float32)
    X = np.abs(rng.normal(0, 1, (40, 8))).astype(np.float32)
    return SavedClassifier(
        network, lambda x: x / 255, lambda x: tf.nn.softmax(x @ weights), test_turns, X, ("train",), None
    )


def familiarity(saved: SavedClassifier) -> Familiarity:
    colours = np.random.default_rng(1).normal(4, 0.3, (len(saved.X), 6)).astype(np.float32)
    return fit_familiarity(saved.X, colours)


def load(saved: SavedClassifier) -> onnxruntime.InferenceSession:
    model = export_classifier(saved, familiarity(saved))
    return onnxruntime.InferenceSession(model.SerializeToString())


@pytest.mark.parametrize("shape", [(32, 32), (16, 16), (64, 64), (20, 45), (150, 97), (300, 300), (1, 1)], ids=str)
def test_images_are_resized_as_in_the_pipeline(shape):
    image = photograph(*shape)
    expected = resize_image(tf.constant(image), SIZE).numpy()
    np.testing.assert_allclose(resize_by_matrices(image[None], SIZE)[0], expected, atol=0.02)  # of 255


@pytest.mark.parametrize("shape", [(32, 32), (64, 64), (20, 45)], ids=str)
def test_the_file_takes_images_of_any_size(network, shape):
    saved = classifier(network, test_turns=False)
    images = np.stack([photograph(*shape), photograph(*shape)[::-1, ::-1]])
    features = network(tf.stack([resize_image(tf.constant(image), SIZE) for image in images]) / 255)
    probabilities, distance = load(saved).run(["probabilities", "distance"], {"images": images})
    np.testing.assert_allclose(probabilities, saved.head(features).numpy(), atol=1e-4)
    colours = np.stack([colour_statistics(image) for image in images])
    np.testing.assert_allclose(distance, familiarity(saved).distance(features.numpy(), colours), rtol=1e-3)


@pytest.mark.parametrize("name", ["convolutions", "transformer"])
@pytest.mark.parametrize("shape", [(16, 16), (20, 45)], ids=str)
def test_a_network_from_a_file_is_a_part_of_the_file(name, shape, tmp_path):
    """The opset of one network is older than that of the project, and that of the other one is newer."""
    params = settings(EXPORTED / f"{name}.onnx")
    inside = load_network(params, tmp_path)
    X = np.random.default_rng(0).normal(0, 1, (40, 12)).astype(np.float32)
    weights = np.random.default_rng(1).normal(0, 3, (12, CLASSES)).astype(np.float32)
    network, prepare = load_frozen(tmp_path)
    saved = SavedClassifier(network, prepare, lambda x: tf.nn.softmax(x @ weights), False, X, ("train",), None)
    images = np.stack([photograph(*shape), photograph(*shape)[::-1, ::-1]])
    features = inside.predict([as_png(image) for image in images], "images")
    colours = np.stack([colour_statistics(image) for image in images])
    content = export_classifier(saved, familiarity(saved)).SerializeToString()
    probabilities, distance = onnxruntime.InferenceSession(content).run(
        ["probabilities", "distance"], {"images": images}
    )
    np.testing.assert_allclose(probabilities, saved.head(features).numpy(), atol=1e-4)
    np.testing.assert_allclose(distance, familiarity(saved).distance(features, colours), rtol=1e-3)
    [outputs] = Classifier(content).classify([images])
    np.testing.assert_allclose(outputs.probabilities, probabilities, atol=1e-4)
    np.testing.assert_allclose(outputs.distances, distance, rtol=1e-3)
    assert export_classifier(saved, familiarity(saved)).SerializeToString() == content


def test_views_are_averaged_if_they_were_averaged_in_the_test(network):
    saved = classifier(network, test_turns=True)
    image = photograph(SIZE, SIZE)
    views = tf.stack([turn(tf.constant(image, tf.float32), *view) for view in VIEWS]) / 255
    expected = saved.head(network(views)).numpy().mean(axis=0)
    found = load(saved).run(["probabilities"], {"images": image[None]})[0][0]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    single = load(saved._replace(test_turns=False)).run(["probabilities"], {"images": image[None]})[0][0]
    assert np.abs(single - expected).max() > 1e-3
