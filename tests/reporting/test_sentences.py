"""Sentences of the report."""

import pytest
from example_run import activation_figures

from eurosat_transfer.evaluation.embedding import NEIGHBOURS
from eurosat_transfer.reporting import sentences


def test_the_best_classifier_is_compared_with_each_other_one():
    pairs = [
        {"better": "finetune", "worse": "svm", "words": "finetune is better than svm"},
        {"better": "svm", "worse": "knn", "words": "svm is better than knn"},
        {"better": "finetune", "worse": "knn", "words": "finetune is better than knn"},
    ]
    assert sentences.describe_comparison({"best": "finetune", "pairs": pairs}) == [
        "finetune is better than svm.",
        "finetune is better than knn.",
    ]


def calibration(**errors: float) -> list[str]:
    metrics = {name: {"test": {"ece": error, "ece_limit": 0.05}} for name, error in errors.items()}
    return sentences.describe_calibration(metrics)


def test_calibration_sentences_separate_errors_from_noise():
    above, below = calibration(svm=0.04, knn=0.06, probe=0.05)
    assert above.startswith("Calibration errors above the noise: knn. ")
    assert below.startswith("Calibration errors within the noise: svm, probe. ")


def test_calibration_sentences_say_nothing_of_nobody():
    assert [s.partition(":")[0] for s in calibration(svm=0.04)] == ["Calibration errors within the noise"]
    assert [s.partition(":")[0] for s in calibration(svm=0.06)] == ["Calibration errors above the noise"]


def describe_gain(mean: float, low: float | None, high: float | None, draws: int = 20) -> str:
    gain = {"images": 200, "draws": draws, "mean": mean, "low": low, "high": high}
    (sentence,) = sentences.describe_label_curves(
        {"svm": [{"images": 200, "gain": None}, {"images": 640, "gain": gain}]}
    )
    return sentence


def test_label_curve_sentence_says_that_more_labels_help_and_by_which_rule():
    assert describe_gain(0.05, 0.01, 0.09) == (
        "svm: 3.2 times as many labels (200 to 640 images) changed the test accuracy by +0.050 on average. "
        "The 95 % interval over 20 draws and the test images, +0.010 to +0.090, is above 0, so more labels still help."
    )


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (-0.09, -0.01, "is below 0, so more labels made it worse."),
        (-0.01, 0.02, "contains 0, so it is not clear that more labels help."),
        (0.0, 0.02, "contains 0, so it is not clear that more labels help."),
    ],
)
def test_label_curve_sentence_follows_the_interval(low, high, verdict):
    assert describe_gain((low + high) / 2, low, high).endswith(verdict)


def test_label_curve_sentence_of_a_single_draw_has_an_interval_over_the_images():
    assert describe_gain(0.2, 0.1, 0.3, draws=1).endswith(
        "changed the test accuracy by +0.200. The 95 % interval of this single draw over the test images, "
        "+0.100 to +0.300, is above 0, so more labels still help."
    )


def test_label_curve_sentence_of_accuracies_alone_gives_no_uncertainty():
    assert describe_gain(0.2, None, None, draws=1).endswith(
        "changed the test accuracy by +0.200. Only the accuracy of each fit is known, so the uncertainty is unknown."
    )


def test_label_curves_of_two_classifiers_are_compared_where_draws_differ():
    row = {"first": "probe", "second": "svm", "images": 10, "draws": 20, "mean": 0.041, "low": 0.028, "high": 0.053}
    single = row | {"images": 640, "draws": 1, "low": None, "high": None}
    (sentence,) = sentences.describe_label_pairs([row, row | {"images": 20, "mean": -0.002, "low": -0.01}, single])
    assert sentence.startswith(
        "Accuracy of probe minus that of svm on the same draws, by number of labels: "
        "+0.041 with 10 (+0.028 to +0.053), -0.002 with 20 (-0.010 to +0.053). "
    )
    assert "simultaneous 95 % intervals over the draws and the test images" in sentence
    assert sentences.describe_label_pairs([single]) == []


def describe_choice(*intervals):
    rows = [
        {"images": 10 * n, "mean": (low + high) / 2, "low": low, "high": high}
        for n, (low, high) in enumerate(intervals, 1)
    ]
    return sentences.describe_choice(rows)


def test_the_choice_of_tiles_is_better_or_worse_where_its_interval_leaves_out_zero():
    first, *verdicts = describe_choice((0.1, 0.3), (0.05, 0.15), (-0.1, 0.1), (-0.2, -0.1))
    assert "+0.200 with 10 (+0.100 to +0.300), +0.100 with 20 (+0.050 to +0.150), " in first
    assert verdicts == [
        "These chosen tiles are better than drawn ones with 10, 20 labels.",
        "These chosen tiles are worse than drawn ones with 40 labels.",
    ]


def test_a_choice_that_cannot_be_told_from_drawing_is_not_called_better():
    assert describe_choice((-0.1, 0.3))[1:] == ["It is not clear that these chosen tiles are better than drawn ones."]
    assert sentences.describe_choice([]) == []


def test_label_curve_without_a_smaller_size_has_no_sentence():
    assert sentences.describe_label_curves({"svm": [{"images": 10, "gain": None}]}) == []


def projections(features: float, pixels: float) -> dict[str, dict[str, float]]:
    return {
        "features": {"neighbour_agreement": features, "trustworthiness": 0.99},
        "pixels": {"neighbour_agreement": pixels, "trustworthiness": 0.96},
    }


def test_projection_sentence_compares_neighbours_among_features_and_pixels():
    assert sentences.describe_projections(projections(0.82, 0.34)) == (
        f"The network brings images of the same class closer together: of the {NEIGHBOURS} nearest neighbours of an "
        "image, 82 % have its class among the deep features, and 34 % among the raw pixels. The pictures show these "
        "neighbourhoods with a trustworthiness of 0.99 and 0.96 (1: all neighbours in the picture are neighbours in "
        "the data)."
    )


@pytest.mark.parametrize("features", [0.34, 0.3])
def test_projection_sentence_says_that_features_are_no_better_than_pixels(features):
    assert sentences.describe_projections(projections(features, 0.34)).startswith("The network does not bring images")


def describe_activation(sigmoid: dict, relu: dict, ratio: dict | None = None) -> str:
    (sentence,) = sentences.describe_activations({"mlp": {"sigmoid": sigmoid, "relu": relu, "ratio": ratio}})
    return sentence


def ratio_of(faster: str, slower: str, **changes) -> dict:
    ratio = {"faster": faster, "slower": slower, "ratio": 1.5, "low": 1.2, "high": 1.9, "beyond_spread": True}
    return ratio | changes


def test_activation_sentence_says_rate_initialisation_and_spread():
    sigmoid, relu = activation_figures(1300.4, rate=4), activation_figures(100.0, initialisation="glorot")
    assert describe_activation(sigmoid, relu, ratio_of("relu", "sigmoid")) == (
        "mlp (Glorot uniform initialisation, each activation at its best learning rate): sigmoid converges after 1,300 "
        "(sd 20) iterations (learning rate 4, 5 seeds); ReLU converges after 100 (sd 20) iterations (learning rate "
        "0.5, 5 seeds). sigmoid needs 1.5 times as many iterations as ReLU (95 % interval 1.2 to 1.9: more than the "
        "seeds differ by). Test accuracy: sigmoid 0.950 (sd 0.010), ReLU 0.950 (sd 0.010)."
    )


def test_activation_sentence_says_that_a_difference_is_within_the_spread():
    ratio = ratio_of("sigmoid", "relu", low=0.9, beyond_spread=False)
    sentence = describe_activation(activation_figures(100.0), activation_figures(150.0), ratio)
    assert "ReLU needs 1.5 times as many iterations as sigmoid (95 % interval 0.9 to 1.9: no more than the" in sentence


def test_one_seed_has_no_spread():
    figures = activation_figures(100.0, seeds=1, converged=1, iterations_sd=None, test_accuracy_sd=None)
    sentence = describe_activation(figures, figures, ratio_of("relu", "sigmoid", low=None, high=None))
    assert "with one seed, the spread is unknown." in sentence
    assert "1 seed)" in sentence
    assert "sd" not in sentence


def test_trainings_that_do_not_converge_are_counted():
    sentence = describe_activation(activation_figures(None), activation_figures(200.0, converged=4))
    assert "sigmoid does not converge within the allowed iterations with any of 5 seeds (learning rate 0.5)" in sentence
    assert "ReLU converges with only 4 of 5 seeds, after 200 (sd 20) iterations (learning rate 0.5)" in sentence
    assert "times as many" not in sentence


def test_a_best_rate_at_the_end_of_the_grid_is_named():
    sentence = describe_activation(activation_figures(100.0), activation_figures(100.0, rate_at_end=True))
    assert "The best rate of ReLU is at the end of activations.rates: a wider range may have a better one." in sentence
    assert "The best rate of sigmoid" not in sentence


def test_each_network_has_its_activation_sentence():
    figures = {"sigmoid": activation_figures(10.0), "relu": activation_figures(10.0), "ratio": None}
    described = sentences.describe_activations({"mlp": figures, "convnet": figures})
    assert [sentence.partition(" (")[0] for sentence in described] == ["mlp", "convnet"]
