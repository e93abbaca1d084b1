"""Sentences of the report, made from its figures."""

from collections.abc import Mapping, Sequence
from typing import Any

from eurosat_transfer.reporting.results import RunResults


def describe_results(results: RunResults, curves: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, list[str]]:
    """Describe what the figures of a run show.

    Args:
        results: results of the run.
        curves: label curves by classifier, as join_label_curves returns them.

    Returns:
        Sentences, by subject: comparison, calibration, labels, chosen, tsne, activations.
    """
    return {
        "comparison": describe_comparison(results.comparison),
        "calibration": describe_calibration(results.metrics),
        "labels": [*describe_label_curves(curves), *describe_label_pairs(results.label_pairs)],
        "chosen": describe_choice(results.chosen["differences"]) if curves else [],
        "tsne": [describe_projections(results.tsne)],
        "activations": describe_activations(results.activations),
    }


def describe_comparison(comparison: Mapping[str, Any]) -> list[str]:
    """Say how the best classifier compares with each other one.

    Args:
        comparison: best; pairs: a row per pair: better, worse, words.

    Returns:
        One sentence for each pair of the best classifier.
    """
    best = comparison["best"]
    return [f"{pair['words']}." for pair in comparison["pairs"] if best in (pair["better"], pair["worse"])]


def describe_calibration(metrics: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Say whose calibration error is larger than chance gives.

    Args:
        metrics: by classifier: test, with ece, and ece_limit: the error that a perfectly calibrated classifier with the
            same confidences stays below in 99 % of test sets of this size.

    Returns:
        One sentence or two.
    """
    beyond = {name: m["test"]["ece"] > m["test"]["ece_limit"] for name, m in metrics.items()}
    above, below = ([name for name in beyond if beyond[name] == value] for value in (True, False))
    sentences = []
    if above:
        worst = max(metrics[name]["test"]["ece"] for name in above)
        sentences.append(
            f"Calibration errors above the noise: {', '.join(above)}. On average, their probabilities are wrong by up "
            f"to {worst:.3f}."
        )
    if below:
        sentences.append(
            f"Calibration errors within the noise: {', '.join(below)}. A perfectly calibrated classifier would show as "
            "much on so few test images."
        )
    return sentences


def describe_label_curves(summary: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[str]:
    """Say for each classifier what about twice as many labels changed, up to all training images.

    The rule: more labels help if the 95 % interval of the mean gain is above 0. The interval is over the draws and the
    test images, and each draw's smaller subset is part of the larger one.

    Args:
        summary: by classifier, in the order of the numbers of images: images; gain, with images, draws, mean, low and
            high, or None, as summarise_label_curve gives them.

    Returns:
        One string for each classifier whose last point has a gain.
    """
    return [_describe_gain(name, points[-1]) for name, points in summary.items() if points and points[-1].get("gain")]


def _describe_gain(name: str, last: Mapping[str, Any]) -> str:
    gain = last["gain"]
    change = (
        f"{name}: {last['images'] / gain['images']:.3g} times as many labels ({gain['images']} to {last['images']} "
        f"images) changed the test accuracy by {gain['mean']:+.3f}"
    )
    if gain["low"] is None:
        return f"{change}. Only the accuracy of each fit is known, so the uncertainty is unknown."
    if gain["low"] > 0:
        verdict = "is above 0, so more labels still help"
    elif gain["high"] < 0:
        verdict = "is below 0, so more labels made it worse"
    else:
        verdict = "contains 0, so it is not clear that more labels help"
    interval = f"{gain['low']:+.3f} to {gain['high']:+.3f}"
    if gain["draws"] == 1:
        return f"{change}. The 95 % interval of this single draw over the test images, {interval}, {verdict}."
    return (
        f"{change} on average. The 95 % interval over {gain['draws']} draws and the test images, {interval}, {verdict}."
    )


def describe_label_pairs(pairs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say for each two classifiers how far apart their label curves are, where the draws differ.

    Args:
        pairs: a row for each pair and number of images: first, second, images, draws, mean, low and high, as
            eurosat_transfer.evaluation.label_curve.compare_label_curves returns them.

    Returns:
        One string for each pair that has a number of images with several draws.
    """
    by_pair: dict[tuple[str, str], list[str]] = {}
    for row in pairs:
        if row["low"] is not None:
            difference = f"{row['mean']:+.3f} with {row['images']} ({row['low']:+.3f} to {row['high']:+.3f})"
            by_pair.setdefault((row["first"], row["second"]), []).append(difference)
    return [
        f"Accuracy of {first} minus that of {second} on the same draws, by number of labels: {', '.join(differences)}. "
        "In brackets are simultaneous 95 % intervals over the draws and the test images: in 95 % of all experiments, "
        "all of them together contain their differences."
        for (first, second), differences in by_pair.items()
    ]


def describe_choice(differences: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say whether it is worth choosing which tiles to label.

    The rule: it is, if the interval of the difference is above 0.

    Args:
        differences: a row for each number of labels: images, mean, low, high, of chosen minus drawn tiles, with
            simultaneous intervals.

    Returns:
        Two sentences or more, or none if nothing was compared.
    """
    if not differences:
        return []
    found = ", ".join(f"{d['mean']:+.3f} with {d['images']} ({d['low']:+.3f} to {d['high']:+.3f})" for d in differences)
    sentences = [
        f"Accuracy of svm on chosen minus drawn tiles, by number of labels: {found}. In brackets are simultaneous 95 % "
        "intervals over the draws and the test images, for this one choice."
    ]
    for verdict, sizes in (
        ("better", [str(d["images"]) for d in differences if d["low"] > 0]),
        ("worse", [str(d["images"]) for d in differences if d["high"] < 0]),
    ):
        if sizes:
            sentences.append(f"These chosen tiles are {verdict} than drawn ones with {', '.join(sizes)} labels.")
    if len(sentences) == 1:
        sentences.append("It is not clear that these chosen tiles are better than drawn ones.")
    return sentences


def describe_projections(figures: Mapping[str, Mapping[str, float]]) -> str:
    """Say whether the deep features bring images of a class closer together than the raw pixels do.

    Args:
        figures: for features and pixels: neighbour_agreement, trustworthiness.
    """
    features, pixels = (figures[name]["neighbour_agreement"] for name in ("features", "pixels"))
    verb = "brings" if features > pixels else "does not bring"
    return (
        f"The network {verb} images of the same class closer together: of the 5 nearest neighbours of an image, "
        f"{100 * features:.0f} % have its class among the deep features, and {100 * pixels:.0f} % among the raw "
        "pixels. The pictures show these neighbourhoods with a trustworthiness of "
        f"{figures['features']['trustworthiness']:.2f} and {figures['pixels']['trustworthiness']:.2f} "
        "(1: all neighbours in the picture are neighbours in the data)."
    )


def describe_activations(figures: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Say for each network which activation needs fewer iterations to converge, each at its best learning rate.

    Args:
        figures: by network, for sigmoid and relu: rate, rate_at_end, initialisation, seeds, converged, iterations,
            iterations_sd, test_accuracy, test_accuracy_sd; and for ratio: None, or faster, slower, ratio, low, high and
            beyond_spread.

    Returns:
        A few sentences in one string for each network.
    """
    return [_describe_network(network, figure) for network, figure in figures.items()]


ACTIVATION_NAMES = {"sigmoid": "sigmoid", "relu": "ReLU"}


def _describe_network(network: str, figure: Mapping[str, Any]) -> str:
    trained = {name: figure[key] for key, name in ACTIVATION_NAMES.items()}
    initialisation = trained["sigmoid"]["initialisation"].capitalize()
    texts = [
        f"{network} ({initialisation} uniform initialisation, each activation at its best learning rate): "
        f"{'; '.join(_describe_convergence(name, result) for name, result in trained.items())}.",
        _describe_ratio(figure["ratio"]),
        "Test accuracy: "
        + ", ".join(
            f"{name} {_with_sd(result['test_accuracy'], result['test_accuracy_sd'], '.3f')}"
            for name, result in trained.items()
        )
        + ".",
        *(
            f"The best rate of {name} is at the end of activations.rates: a wider range may have a better one."
            for name, result in trained.items()
            if result["rate_at_end"]
        ),
    ]
    return " ".join(text for text in texts if text)


def _describe_convergence(name: str, result: Mapping[str, Any]) -> str:
    rate, converged, seeds = f"learning rate {result['rate']:g}", result["converged"], result["seeds"]
    if not converged:
        return f"{name} does not converge within the allowed iterations with any of {seeds} seeds ({rate})"
    iterations = _with_sd(result["iterations"], result["iterations_sd"], ",.0f")
    if converged < seeds:
        return f"{name} converges with only {converged} of {seeds} seeds, after {iterations} iterations ({rate})"
    return f"{name} converges after {iterations} iterations ({rate}, {seeds} seed{'s' * (seeds > 1)})"


def _describe_ratio(ratio: Mapping[str, Any] | None) -> str:
    if ratio is None:
        return ""
    slower, faster = (ACTIVATION_NAMES[ratio[key]] for key in ("slower", "faster"))
    text = f"{slower} needs {ratio['ratio']:.1f} times as many iterations as {faster}"
    if ratio["low"] is None:
        return f"{text}; with one seed, the spread is unknown."
    verdict = "more than the seeds differ by" if ratio["beyond_spread"] else "no more than the seeds differ by"
    return f"{text} (95 % interval {ratio['low']:.1f} to {ratio['high']:.1f}: {verdict})."


def _with_sd(mean: float, sd: float | None, spec: str) -> str:
    return format(mean, spec) + (f" (sd {sd:{spec}})" if sd is not None else "")
