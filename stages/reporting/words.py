"""What follows from the figures, in sentences made from them."""

from stages.reporting.results import Results


def findings(results: Results) -> dict[str, list[str]]:
    """Every sentence, by what it is about."""
    return {
        "comparison": on_comparison(results.metrics, results.pairs),
        "labels": on_labels(results.labels),
        "tsne": [on_projection(results.tsne)],
        "activations": on_activations(results.activations),
    }


def on_comparison(metrics: dict[str, dict], pairs: list[dict]) -> list[str]:
    """Who is best, and whom of the others it is not certainly better than."""
    best = max(metrics, key=lambda name: metrics[name]["test"]["accuracy"])
    figures = metrics[best]["test"]
    sentences = [
        f"{best} has the highest test accuracy: {figures['accuracy']:.3f} "
        f"(95 % interval {figures['accuracy_low']:.3f} to {figures['accuracy_high']:.3f})."
    ]
    own = [pair for pair in pairs if best in (pair["better"], pair["worse"])]
    return sentences + [f"{pair['words']}." for pair in own]


def on_labels(summary: dict[str, list[dict]]) -> list[str]:
    """What the last doubling (or so) of the labels bought each classifier."""
    sentences = []
    for name, points in summary.items():
        if len(points) < 2:
            continue
        last = points[-1]
        before = next((p for p in reversed(points) if 2 * p["images"] <= last["images"]), points[0])
        gain, times = last["mean"] - before["mean"], last["images"] / before["images"]
        spread = max(before["sd"], last["sd"])
        verdict = "more labels still help" if gain > 0 else "more labels do not help"
        if abs(gain) <= 2 * spread:
            verdict = "no more than the draws differ by"
        if not spread:
            verdict = "a single draw does not say how sure that is"
        sentences.append(
            f"{name}: {times:.3g} times the labels ({before['images']} to {last['images']}) changed its test accuracy "
            f"by {gain:+.3f}; {verdict} (standard deviation over the draws up to {spread:.3f})."
        )
    return sentences


def on_projection(figures: dict[str, dict]) -> str:
    """What the network sees that the pixels do not show."""
    features, pixels = (figures[name]["neighbour_agreement"] for name in ("features", "pixels"))
    verdict = "The network brings images of a class together" if features > pixels else "The network adds nothing here"
    return (
        f"{verdict}: of an image's 5 nearest neighbours, {features:.0%} are of its class among the deep features, "
        f"{pixels:.0%} among the raw pixels. The pictures keep their neighbourhoods with a trustworthiness of "
        f"{figures['features']['trustworthiness']:.2f} and {figures['pixels']['trustworthiness']:.2f}."
    )


def on_activations(figures: dict[str, dict]) -> list[str]:
    """Which activation converged in fewer iterations, network by network."""
    sentences = []
    for network, by_activation in figures.items():
        sigmoid, relu = (by_activation[name]["iterations"] for name in ("sigmoid", "relu"))
        if sigmoid and relu:
            faster, times = ("ReLU", sigmoid / relu) if relu <= sigmoid else ("sigmoid", relu / sigmoid)
            said = f"{faster} converges in {times:.1f} times fewer iterations ({sigmoid} sigmoid, {relu} ReLU)"
        elif relu or sigmoid:
            winner, loser = ("ReLU", "sigmoid") if relu else ("sigmoid", "ReLU")
            said = f"{winner} converges after {relu or sigmoid} iterations, {loser} not within those allowed"
        else:
            said = "neither converges within the iterations allowed"
        accuracy = ", ".join(f"{name} {value['test_accuracy']:.3f}" for name, value in by_activation.items())
        sentences.append(f"{network}: {said}; test accuracy: {accuracy}.")
    return sentences
