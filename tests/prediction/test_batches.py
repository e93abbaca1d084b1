"""Batches of images of any size, and the independence of their results."""

import numpy as np
import pytest
from scipy.special import softmax
from small_model import SHARPNESS, write_model

from eurosat_transfer.prediction.batches import classify_chunks, classify_images
from eurosat_transfer.prediction.inference import BATCH, LARGE, Classifier


def draw(rng, *shape):
    return rng.integers(0, 256, (*shape, 3), np.uint8)


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    return Classifier(write_model(tmp_path_factory.mktemp("model")) / "model.onnx")


def expected_distances(images):
    return np.array([np.linalg.norm(image.mean((0, 1)) - 128) for image in images])


def test_images_of_mixed_sizes_keep_their_order(classifier):
    rng = np.random.default_rng(0)
    images = [draw(rng, *rng.integers(1, 4, 2)) for _ in range(600)]
    outputs = list(classify_images(classifier, images))
    assert [len(of.distances) for of in outputs] == [256, 256, 88]
    distances = np.concatenate([of.distances for of in outputs])
    assert np.allclose(distances, expected_distances(images), atol=1e-3)
    probabilities = np.concatenate([of.probabilities for of in outputs])
    means = np.array([image.mean((0, 1)) for image in images])
    assert np.allclose(probabilities, softmax(means * SHARPNESS, axis=1), atol=1e-5)


def test_missing_images_have_no_outputs(classifier):
    image = draw(np.random.default_rng(0), 8, 8)
    outputs = list(classify_chunks(classifier, [[], [None, image, None], [None], [image], [None]]))
    assert [len(of.distances) for of in outputs] == [0, 3, 1, 1, 1]
    is_missing = [np.isnan(of.probabilities).all(axis=1).tolist() for of in outputs]
    assert is_missing == [[], [True, False, True], [True], [False], [True]]


def test_large_images_are_classified_one_by_one(classifier):
    rng = np.random.default_rng(0)
    side = int(LARGE**0.5)
    images = [draw(rng, side, side), draw(rng, side + 1, side), draw(rng, side + 1, side)]
    (outputs,) = classify_images(classifier, images)
    assert np.allclose(outputs.distances, expected_distances(images), atol=1e-2)


@pytest.mark.slow
def test_the_results_of_an_image_do_not_depend_on_other_images(tmp_path):
    from benchmarks.predict import write_model as write_network

    write_network(tmp_path / "model.onnx", "tilenet", 64, {})
    rng = np.random.default_rng(0)
    images = [draw(rng, *((64, 64), (48, 80), (300, 200))[number % 3]) for number in range(6 * BATCH)]
    images += [draw(rng, 513, 512)] * 2
    onnx, size = tmp_path / "model.onnx", (64, 64)
    alone = [next(iter(classify_images(Classifier(onnx, 1, size), [image]))) for image in images]
    order = rng.permutation(len(images))
    (together,) = classify_images(Classifier(onnx, tile_size=size), [images[number] for number in order])
    for position, number in enumerate(order):
        assert alone[number].probabilities[0].tobytes() == together.probabilities[position].tobytes()
        assert alone[number].distances[0].tobytes() == together.distances[position].tobytes()
    assert len({row.tobytes() for row in together.probabilities}) > 6 * BATCH - 2, "the images differ"
