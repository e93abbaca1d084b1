"""The results of a small run, as the stages write them: two classes, four test images."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from conftest import encoded

from eurosat_transfer.data.dataset import Tile
from eurosat_transfer.data.selection import Selection
from eurosat_transfer.evaluation.classifiers import CLASSIFIERS
from eurosat_transfer.evaluation.comparison import describe_small_classes
from eurosat_transfer.io.csv_files import write_csv
from eurosat_transfer.io.json_files import write_json

CLASSES = ["Forest", "SeaLake"]
ACTUAL = ["Forest", "Forest", "SeaLake", "SeaLake"]
FILES = [f"{index}.png" for index in (11, 12, 13, 14)]
SCORES = {
    "accuracy_low": 0.3,
    "accuracy_high": 0.95,
    "macro_f1": 0.7,
    "log_loss": 0.875,
    "brier": 0.375,
    "ece": 0.0625,
    "ece_expected": 0.05,
    "ece_limit": 0.125,
}
TRAINING_LABELS = 40
EPOCHS = [(1, 2.0, 0.25, 2.5, 0.125), (2, 1.0, 0.75, 1.5, 0.625)]


def accuracy(name: str) -> float:
    """Give each classifier another test accuracy, the highest to the last one."""
    return round(0.5 + list(CLASSIFIERS).index(name) / 100, 2)


def write_classifier(name: str, classes: Sequence[str], actual: Sequence[str], predicted: Sequence[str]) -> None:
    """Write the files of a classifier. Only probe and finetune have a history and chosen parameters."""
    metrics: dict[str, Any] = {
        "val": SCORES | {"accuracy": 0.25},
        "test": SCORES | {"accuracy": accuracy(name)},
        "training_labels": TRAINING_LABELS,
    }
    if name in ("probe", "finetune"):
        metrics["chosen"] = {"lr": 0.03}
        write_csv(f"plots/{name}_history.csv", ("epoch", "loss", "accuracy", "val_loss", "val_accuracy"), EPOCHS)
    if name == "spread":
        metrics |= {"unlabelled": 1700, "saw_test": False}
    write_json(f"metrics/{name}.json", metrics)
    confidence = [0.5 + i / 8 for i in range(len(actual))]
    rows = zip(FILES, actual, predicted, confidence, strict=True)
    write_csv(f"plots/{name}_predictions.csv", ("file", "actual", "predicted", "confidence"), rows)
    figures = [(label, 0.9, 0.6, accuracy(name) + 0.2, actual.count(label)) for label in classes]
    write_csv(f"plots/{name}_classes.csv", ("class", "precision", "recall", "f1", "images"), figures)


def write_run(classes: Sequence[str] = CLASSES, **predictions: Sequence[str]) -> None:
    """Write metrics/ and plots/ of a run in the current folder, with a line in place of Vega's scripts.

    Args:
        classes: names of the two classes.
        predictions: by classifier, the predicted classes. The others are correct on all images.
    """
    actual = [classes[CLASSES.index(name)] for name in ACTUAL]
    for name in CLASSIFIERS:
        write_classifier(name, classes, actual, predictions.get(name, actual))
    write_comparison()
    Path("data").mkdir(exist_ok=True)
    Path("data/vega.js").write_text("// Vega", encoding="utf-8")
    several = {"draws": 20, "se": 0.005, "gain": None}
    curve = [{"images": 10, "mean": 0.4, "sd": 0.02} | several, {"images": 20, "mean": 0.6, "sd": 0.01} | several]
    gain = {"images": 20, "draws": 20, "mean": 0.1, "low": 0.05, "high": 0.15}
    every = {"images": TRAINING_LABELS, "sd": None, "se": None, "draws": 1, "gain": gain}
    curves = {
        "probe": [*curve, every | {"mean": 0.99}],  # another accuracy than in metrics/probe.json
        "svm": [*(point | {"mean": 0.3} for point in curve), every | {"mean": accuracy("svm")}],
    }
    write_json("metrics/labels.json", curves)
    pair = {"first": "probe", "second": "svm", "images": 20, "draws": 3, "mean": 0.25, "low": 0.125, "high": 0.375}
    write_json("metrics/label_pairs.json", {"pairs": [pair]})
    single = {"draws": 1, "sd": None, "se": None, "gain": None}
    choice = {
        "chosen": [{"images": 10, "mean": 0.5} | single],
        "drawn": [{"images": 10, "mean": 0.25, "sd": 0.02} | several],
    }
    difference = {"images": 10, "draws": 20, "mean": 0.25, "low": 0.125, "high": 0.375}
    write_json("metrics/chosen.json", choice | {"differences": [difference]})
    on_bands = {name: {"val": SCORES, "test": SCORES | {"accuracy": 0.625}} for name in ("svm", "probe")}
    write_json("metrics/bands_classifiers.json", on_bands)
    write_csv("plots/finetune_labels.csv", ("classifier", "images", "draw", "accuracy"), [("finetune", 10, 0, 0.45)])
    flagged = {"flagged": 1, "share": 1 / 3, "below": 0.05, "expected": 0.25, "expected_high": 2, "noise": 0.0}
    write_json("metrics/groups.json", {})
    write_json("metrics/suspects.json", {"tiles": 3} | flagged)
    suspects = [
        (1, "1", classes[0], classes[1], 0.025, 0.975, -0.95, "yes"),
        (2, "0", classes[0], classes[1], 0.75, 0.25, 0.5, "no"),
    ]
    header = ("rank", "file", "given", "suggested", "probability_given", "probability_suggested", "margin", "flagged")
    write_csv("plots/suspects.csv", header, suspects)
    quality = {"neighbour_agreement": 0.82, "trustworthiness": 0.99}
    write_json("metrics/tsne.json", {"features": quality, "pixels": quality | {"neighbour_agreement": 0.34}})
    header = ("row", "class", "feature_x", "feature_y", "pixel_x", "pixel_y")
    write_csv("plots/tsne.csv", header, [(i, name, i, -i, 2 * i, 3 * i) for i, name in enumerate(actual)])
    converged = {name: activation_figures(iterations) for name, iterations in (("sigmoid", 300.0), ("relu", 100.0))}
    ratio = {"faster": "relu", "slower": "sigmoid", "ratio": 3.0, "low": 2.5, "high": 3.6, "beyond_spread": True}
    write_json("metrics/activations.json", dict.fromkeys(("mlp", "convnet"), converged | {"ratio": ratio}))
    curves = [
        (network, kind, 0.5, seed, 44, 0.5)
        for network in ("mlp", "convnet")
        for kind in ("sigmoid", "relu")
        for seed in range(2)
    ]
    write_csv("plots/activations.csv", ("network", "activation", "rate", "seed", "iteration", "loss"), curves)
    write_json("metrics/backbone.json", {"parameters": 474720, "descriptor_size": 128})
    write_json(
        "metrics/map.json",
        {
            "pixels": 100,
            "accuracy": 0.75,
            "sure": 0.5,
            "accuracy_where_sure": 0.875,
            "true_shares": dict.fromkeys(CLASSES, 1 / len(CLASSES)),
        },
    )
    areas = [(name, 30.0, 28.5, 20.25, 36.75, 0.5) for name in CLASSES]
    write_csv("map/areas.csv", ("class", "mapped_hectares", "hectares", "low", "high", "share_unsure"), areas)
    Path("map/map.png").write_bytes(encoded((1, 2, 3), "PNG"))
    write_json("metrics/data.json", {"images": 20, "copies": 0, "contradictions": 0})


def write_comparison(
    recommended: str | None = None, small_classes: Mapping[str, int] | None = None, tied: Sequence[str] = ()
) -> None:
    """Write metrics/compare.json, where the last classifier is the best one.

    Args:
        recommended: another classifier, which cannot be told apart from the best one.
        small_classes: numbers of test images of those classes that have few.
        tied: other classifiers that cannot be told apart from the best one.
    """
    ranked = list(reversed(CLASSIFIERS))
    best = ranked[0]
    pairs = []
    for better, worse in combinations(ranked, 2):
        is_better = (better, worse) != (best, recommended)
        words = f"{better} is better than {worse}" if is_better else f"{better} and {worse} cannot be told apart"
        figures = {"difference": accuracy(better) - accuracy(worse), "low": 0.1 if is_better else -0.1, "high": 0.4}
        pairs.append({"better": better, "worse": worse, "is_better": is_better, "words": words} | figures)
    content = {
        "images": 4,
        "small_classes": dict(small_classes or {}),
        "best": best,
        "tied": [*([recommended] if recommended else []), *tied],
        "recommended": recommended or best,
        "saw_test": [],
        "words": ". ".join(filter(None, [f"Use {recommended or best}", describe_small_classes(small_classes or {})])),
        "pairs": pairs,
    }
    write_json("metrics/compare.json", content)


def activation_figures(iterations: float | None, **changes) -> dict[str, Any]:
    """Make the figures of a network with one activation, as the stage activations writes them."""
    figures = {
        "rate": 0.5,
        "rate_at_end": False,
        "initialisation": "glorot",
        "seeds": 5,
        "converged": 0 if iterations is None else 5,
        "iterations": iterations,
        "iterations_sd": None if iterations is None else 20.0,
        "test_accuracy": 0.95,
        "test_accuracy_sd": 0.01,
    }
    return figures | changes


class ExampleDataset:
    """A data set whose image at an index has a colour of its own."""

    description = "Drawings, not satellite images."

    def __getitem__(self, index: int) -> Tile:
        """Encode the image."""
        return Tile(encoded((10 * index, 0, 0), "PNG"), 0, f"{index}.png")


def example_selection(classes: Sequence[str] = CLASSES) -> Selection:
    """Select four test images, whose indices differ from their positions."""
    return Selection(
        classes=list(classes),
        indices={"train": [0, 1, 2], "val": [3], "test": [11, 12, 13, 14]},
        labels={"train": [0, 0, 1], "val": [1], "test": [0, 0, 1, 1]},
        files={"train": ["0", "1", "2"], "val": ["3"], "test": FILES},
    )


def example_folds() -> Selection:
    """Select seven images for two folds, each with two of the four test images."""
    return Selection(
        classes=CLASSES,
        indices={"train": [0, 1, 13], "val": [3], "test": [11, 12], "rest": [14]},
        labels={"train": [0, 0, 1], "val": [1], "test": [0, 0], "rest": [1]},
        files={"train": ["0", "1", FILES[2]], "val": ["3"], "test": FILES[:2], "rest": FILES[3:]},
        other_folds=np.array([["train", "", "test", "val", "train", "train", "test"]]),
    )
