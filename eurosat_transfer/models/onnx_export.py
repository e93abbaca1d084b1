"""The export of a classifier to one ONNX file, from images of any size to probabilities."""

import onnx

from eurosat_transfer.evaluation.familiarity import Familiarity, Gaussian
from eurosat_transfer.models.augmentation import VIEWS
from eurosat_transfer.models.heads import Head
from eurosat_transfer.models.saved_classifier import SavedClassifier
from eurosat_transfer.networks.onnx_file import convert_to_onnx
from eurosat_transfer.networks.onnx_join import join_models
from eurosat_transfer.networks.onnx_network import FEATURES, IMAGES, OnnxNetwork
from eurosat_transfer.tensorflow_setup import tf


def export_classifier(classifier: SavedClassifier, familiarity: Familiarity) -> onnx.ModelProto:
    """Export a classifier with everything that it needs: resizing, preprocessing, the network and the head.

    Args:
        classifier: a fitted classifier.
        familiarity: gives the distance from the training images.

    Returns:
        A model with the input images, uint8, (n, height, width, 3), RGB, of any size; and the outputs probabilities,
        float32, (n, classes), and distance, float32, (n,).
    """
    network = classifier.network
    if isinstance(network, OnnxNetwork):
        return _export_around(network, classifier.head, familiarity)
    size = network.input_shape[1]

    def compute_features(images: tf.Tensor) -> tf.Tensor:
        return network(classifier.preprocess(images), training=False)

    def classify(images: tf.Tensor) -> dict[str, tf.Tensor]:
        resized = resize_by_matrices(images, size)
        features = compute_features(resized)
        probabilities = classifier.head(features)
        if classifier.test_turns:
            others = [classifier.head(compute_features(_turn(resized, *view))) for view in VIEWS[1:]]
            probabilities = tf.add_n([probabilities, *others]) / len(VIEWS)
        return {"probabilities": probabilities, "distance": _distance(familiarity, features, images)}

    return convert_to_onnx(classify, tf.TensorSpec((None, None, None, 3), tf.uint8, name="images"))


def _export_around(network: OnnxNetwork, head: Head, familiarity: Familiarity) -> onnx.ModelProto:
    """Export what comes before and after an ONNX network, and put all three into one model."""

    def resize(images: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"resized": resize_by_matrices(images, network.image_size)}

    def classify(features: tf.Tensor, images: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"probabilities": head(features), "distance": _distance(familiarity, features, images)}

    images = tf.TensorSpec((None, None, None, 3), tf.uint8, name="images")
    features = tf.TensorSpec((None, network.width), tf.float32, name="features")
    first = convert_to_onnx(resize, images)
    last = convert_to_onnx(classify, features, images)
    return join_models(
        {"resize": first, "backbone": network.model, "classify": last},
        {
            "resize/images": "images",
            f"backbone/{IMAGES}": "resize/resized",
            "classify/features": f"backbone/{FEATURES}",
            "classify/images": "images",
            "probabilities": "classify/probabilities",
            "distance": "classify/distance",
        },
        first.graph.input,
        last.graph.output,
    )


def _distance(familiarity: Familiarity, features: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
    """Compute what `familiarity.distance` computes: float32, (n,)."""
    logs = tf.math.log(1 + tf.cast(images, tf.float32))
    colours = tf.concat([tf.reduce_mean(logs, (1, 2)), tf.math.reduce_std(logs, (1, 2))], axis=1)
    return tf.maximum(_length(familiarity.features, features), _length(familiarity.colours, colours))


def _length(gaussian: Gaussian, rows: tf.Tensor) -> tf.Tensor:
    return tf.norm(tf.matmul(rows - gaussian.mean, gaussian.whitening), axis=1)


def _turn(images: tf.Tensor, quarters: int, flip: bool) -> tf.Tensor:
    """Turn images as `turn` does, without a branch in the ONNX file for each direction."""
    for _ in range(quarters):
        images = tf.transpose(images, (0, 2, 1, 3))[:, ::-1]
    return images[:, :, ::-1] if flip else images


def resize_by_matrices(images: tf.Tensor, size: int) -> tf.Tensor:
    """Resize images as `resize_image` does, by products with two matrices.

    ONNX has an operator that resizes with antialiasing, but OpenVINO ignores that it shall do so.

    Args:
        images: uint8, (n, height, width, 3).
        size: pixels per side.

    Returns:
        float32, (n, size, size, 3), 0 to 255.

    Source:
        tf.image.resize: bilinear interpolation, with a wider kernel if an image shrinks.
    """
    planes = tf.transpose(tf.cast(images, tf.float32), (0, 3, 1, 2))
    rows, columns = (_resizing_matrix(tf.shape(images)[axis], size) for axis in (1, 2))
    shrunk = tf.matmul(tf.matmul(rows[None, None], planes), columns[None, None], transpose_b=True)
    return tf.transpose(shrunk, (0, 2, 3, 1))


def _resizing_matrix(length: tf.Tensor, size: int) -> tf.Tensor:
    """Compute what each of the old pixels of a row contributes to each new one: float32, (size, length)."""
    scale = tf.cast(length, tf.float32) / size
    centres = (tf.range(size, dtype=tf.float32) + 0.5) * scale - 0.5  # of the new pixels, counted in old pixels
    distances = tf.abs(centres[:, None] - tf.range(tf.cast(length, tf.float32))[None])
    weights = tf.nn.relu(1 - distances / tf.maximum(scale, 1.0))
    return weights / tf.reduce_sum(weights, axis=1, keepdims=True)
