"""Sentences of the report, made from its figures."""

from collections.abc import Mapping, Sequence
from typing import Any

from eurosat_transfer.reporting.results import RunResults


def describe_results(results: RunResults) -> dict[str, list[str]]:
    """Describe what the figures of a run show.

    Args:
        results: results of the run.

    Returns:
        Sentences, by subject: comparison, labels, tsne, activations.
    """
    return {
        "comparison": describe_comparison(results.metrics, results.pairs),
        "labels": describe_label_curves(results.labels),
        "tsne": [describe_projections(results.tsne)],
        "activations": describe_activations(results.activations),
    }


def describe_comparison(metrics: Mapping[str, Mapping[str, Any]], pairs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say which classifier has the highest accuracy, and how it compares with each other one.

    Args:
        metrics: by classifier: test, with accuracy, accuracy_low and accuracy_high.
        pairs: a row per pair: better, worse, words.

    Returns:
        One sentence about the accuracy, then one for each pair of the best classifier.
    """
    best = max(metrics, key=lambda name: metrics[name]["test"]["accuracy"])
    test = metrics[best]["test"]
    sentence = (
        f"{best} has the highest test accuracy: {test['accuracy']:.3f} "
        f"(95 % interval {test['accuracy_low']:.3f} to {test['accuracy_high']:.3f})."
    )
    return [sentence, *(f"{pair['words']}." for pair in pairs if best in (pair["better"], pair["worse"]))]


def describe_label_curves(summary: Mapping[str, Sequence[Mapping[str, float]]]) -> list[str]:
    """Say for each classifier what the last doubling of the labels changed.

    It compares the largest number of images with the next smaller one that is at most half of it. A change is larger
    than the variation between draws if it exceeds two standard deviations.

    Args:
        summary: by classifier, in the order of the numbers of images: images, mean, sd.

    Returns:
        Two sentences in one string for each classifier that has two points or more.
    """
    return [_describe_label_curve(name, points) for name, points in summary.items() if len(points) > 1]


def _describe_label_curve(name: str, points: Sequence[Mapping[str, float]]) -> str:
    last = points[-1]
    before = next((point for point in reversed(points) if 2 * point["images"] <= last["images"]), points[0])
    gain, times = last["mean"] - before["mean"], last["images"] / before["images"]
    sd = max(before["sd"], last["sd"])
    if not sd:
        verdict = "There is only one draw, so the uncertainty is unknown."
    else:
        if abs(gain) <= 2 * sd:
            verdict = "This is within the variation between draws"
        else:
            verdict = "More labels still help" if gain > 0 else "More labels do not help"
        verdict += f" (standard deviation over the draws: up to {sd:.3f})."
    return (
        f"{name}: {times:.3g} times as many labels ({before['images']} to {last['images']} images) changed the test "
        f"accuracy by {gain:+.3f}. {verdict}"
    )


def describe_projections(figures: Mapping[str, Mapping[str, float]]) -> str:
    """Say whether the deep features bring images of a class closer together than the raw pixels do.

    Args:
        figures: for features and pixels: neighbour_agreement, trustworthiness.
    """
    features, pixels = (figures[name]["neighbour_agreement"] for name in ("features", "pixels"))
    verb = "brings" if features > pixels else "does not bring"
    return (
        f"The network {verb} images of the same class closer together: of the 5 nearest neighbours of an image, "
        f"{features:.0%} have its class among the deep features, and {pixels:.0%} among the raw pixels. "
        "The pictures show these neighbourhoods with a trustworthiness of "
        f"{figures['features']['trustworthiness']:.2f} and {figures['pixels']['trustworthiness']:.2f} "
        "(1: all neighbours in the picture are neighbours in the data)."
    )


def describe_activations(figures: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> list[str]:
    """Say for each network which activation needs fewer iterations to converge.

    Args:
        figures: by network, for sigmoid and relu: iterations (None if it did not converge), test_accuracy.

    Returns:
        Two sentences in one string for each network.
    """
    sentences = []
    for network, by_activation in figures.items():
        named = {"sigmoid": by_activation["sigmoid"], "ReLU": by_activation["relu"]}
        accuracy = ", ".join(f"{name} {figure['test_accuracy']:.3f}" for name, figure in named.items())
        iterations = {name: figure["iterations"] for name, figure in named.items()}
        sentences.append(f"{network}: {_describe_convergence(iterations)}. Test accuracy: {accuracy}.")
    return sentences


def _describe_convergence(iterations: Mapping[str, int | None]) -> str:
    converged = {name: count for name, count in iterations.items() if count}
    if not converged:
        return "neither activation converges within the allowed iterations"
    fastest = min(converged, key=lambda name: converged[name])
    (slowest,) = iterations.keys() - {fastest}
    if slowest not in converged:
        return (
            f"{fastest} converges after {converged[fastest]} iterations, "
            f"{slowest} does not converge within the allowed iterations"
        )
    return (
        f"{fastest} converges after {converged[fastest]} iterations, {slowest} after {converged[slowest]} "
        f"({converged[slowest] / converged[fastest]:.1f} times as many)"
    )
