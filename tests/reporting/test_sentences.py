"""Sentences of the report."""

import pytest

from eurosat_transfer.evaluation.embedding import NEIGHBOURS
from eurosat_transfer.reporting import sentences


def test_the_best_classifier_is_named_with_its_pairs():
    scores = {"accuracy_low": 0.6, "accuracy_high": 0.8}
    metrics = {
        "svm": {"test": scores | {"accuracy": 0.7}, "val": {"accuracy": 0.9}},
        "finetune": {"test": scores | {"accuracy": 0.75}, "val": {"accuracy": 0.1}},
        "knn": {"test": scores | {"accuracy": 0.5}, "val": {"accuracy": 0.2}},
    }
    pairs = [
        {"better": "finetune", "worse": "svm", "words": "finetune is better than svm"},
        {"better": "svm", "worse": "knn", "words": "svm is better than knn"},
        {"better": "finetune", "worse": "knn", "words": "finetune is better than knn"},
    ]
    assert sentences.describe_comparison(metrics, pairs) == [
        "finetune has the highest test accuracy: 0.750 (95 % interval 0.600 to 0.800).",
        "finetune is better than svm.",
        "finetune is better than knn.",
    ]


def test_pair_that_names_the_best_classifier_last_is_described():
    metrics = {"svm": {"test": {"accuracy": 0.7, "accuracy_low": 0.6, "accuracy_high": 0.8}}}
    pairs = [{"better": "knn", "worse": "svm", "words": "knn and svm cannot be told apart"}]
    assert sentences.describe_comparison(metrics, pairs)[1:] == ["knn and svm cannot be told apart."]


def describe_curve(*points: tuple[int, float, float]) -> str:
    curve = [{"images": images, "mean": mean, "sd": sd} for images, mean, sd in points]
    (sentence,) = sentences.describe_label_curves({"svm": curve})
    return sentence


def test_label_curve_sentence_says_that_more_labels_help():
    assert describe_curve((10, 0.5, 0.01), (20, 0.7, 0.0)) == (
        "svm: 2 times as many labels (10 to 20 images) changed the test accuracy by +0.200. "
        "More labels still help (standard deviation over the draws: up to 0.010)."
    )


def test_label_curve_sentence_says_that_more_labels_do_not_help():
    assert "by -0.200. More labels do not help (standard" in describe_curve((10, 0.5, 0.01), (20, 0.3, 0.0))


@pytest.mark.parametrize(("gain", "within"), [(0.019, True), (-0.019, True), (0.021, False), (-0.021, False)])
def test_a_change_within_two_standard_deviations_is_variation(gain, within):
    sentence = describe_curve((10, 0.5, 0.001), (20, 0.5 + gain, 0.01))
    assert ("This is within the variation between draws" in sentence) == within


def test_label_curve_sentence_of_a_single_draw_gives_no_uncertainty():
    sentence = describe_curve((10, 0.5, 0.0), (20, 0.7, 0.0))
    assert sentence.endswith("by +0.200. There is only one draw, so the uncertainty is unknown.")


def test_the_last_doubling_is_compared():
    sentence = describe_curve((10, 0.1, 0.01), (20, 0.2, 0.01), (50, 0.5, 0.01), (64, 0.6, 0.01))
    assert "3.2 times as many labels (20 to 64 images) changed the test accuracy by +0.400" in sentence


def test_without_a_doubling_the_first_point_is_compared():
    assert "1.5 times as many labels (10 to 15 images)" in describe_curve(
        (10, 0.1, 0.1), (12, 0.2, 0.1), (15, 0.5, 0.1)
    )


def test_a_label_curve_of_one_point_has_no_sentence():
    assert sentences.describe_label_curves({"svm": [{"images": 10, "mean": 0.5, "sd": 0.0}]}) == []


def projections(features: float, pixels: float) -> dict[str, dict[str, float]]:
    return {
        "features": {"neighbour_agreement": features, "trustworthiness": 0.99},
        "pixels": {"neighbour_agreement": pixels, "trustworthiness": 0.96},
    }


def test_projection_sentence_compares_neighbours_among_features_and_pixels():
    assert sentences.describe_projections(projections(0.82, 0.34)) == (
        f"The network brings images of the same class closer together: of the {NEIGHBOURS} nearest neighbours of an "
        "image, 82% have its class among the deep features, and 34% among the raw pixels. The pictures show these "
        "neighbourhoods with a trustworthiness of 0.99 and 0.96 (1: all neighbours in the picture are neighbours in "
        "the data)."
    )


@pytest.mark.parametrize("features", [0.34, 0.3])
def test_projection_sentence_says_that_features_are_no_better_than_pixels(features):
    assert sentences.describe_projections(projections(features, 0.34)).startswith("The network does not bring images")


def describe_iterations(sigmoid: int | None, relu: int | None) -> str:
    figures = {
        "sigmoid": {"iterations": sigmoid, "test_accuracy": 0.9},
        "relu": {"iterations": relu, "test_accuracy": 0.95},
    }
    (sentence,) = sentences.describe_activations({"mlp": figures})
    assert sentence.endswith(". Test accuracy: sigmoid 0.900, ReLU 0.950.")
    return sentence.partition(". Test")[0]


@pytest.mark.parametrize(
    ("sigmoid", "relu", "words"),
    [
        (300, 120, "mlp: ReLU converges after 120 iterations, sigmoid after 300 (2.5 times as many)"),
        (100, 200, "mlp: sigmoid converges after 100 iterations, ReLU after 200 (2.0 times as many)"),
        (
            None,
            100,
            "mlp: ReLU converges after 100 iterations, sigmoid does not converge within the allowed iterations",
        ),
        (
            100,
            None,
            "mlp: sigmoid converges after 100 iterations, ReLU does not converge within the allowed iterations",
        ),
        (None, None, "mlp: neither activation converges within the allowed iterations"),
    ],
)
def test_activation_sentence_names_the_faster_function(sigmoid, relu, words):
    assert describe_iterations(sigmoid, relu) == words


def test_each_network_has_its_activation_sentence():
    figures = {name: {"iterations": 10, "test_accuracy": 0.9} for name in ("sigmoid", "relu")}
    described = sentences.describe_activations({"mlp": figures, "convnet": figures})
    assert [sentence.partition(":")[0] for sentence in described] == ["mlp", "convnet"]
