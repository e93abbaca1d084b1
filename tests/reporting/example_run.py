"""The results of a small run, as the stages write them: two classes, four test images."""

from collections.abc import Mapping, Sequence

from conftest import encoded

from eurosat_transfer.data.dataset import Tile
from eurosat_transfer.data.selection import Selection
from eurosat_transfer.evaluation.classifiers import CLASSIFIERS
from eurosat_transfer.io.csv_files import write_csv
from eurosat_transfer.io.json_files import write_json

CLASSES = ["Forest", "SeaLake"]
ACTUAL = ["Forest", "Forest", "SeaLake", "SeaLake"]
SCORES = {"accuracy_low": 0.3, "accuracy_high": 0.95, "macro_f1": 0.7}
EPOCHS = [(1, 2.0, 0.25, 2.5, 0.125), (2, 1.0, 0.75, 1.5, 0.625)]


def accuracy(name: str) -> float:
    """Give each classifier another test accuracy, the highest to the last one."""
    return round(0.5 + list(CLASSIFIERS).index(name) / 100, 2)


def write_classifier(name: str, classes: Sequence[str], actual: Sequence[str], predicted: Sequence[str]) -> None:
    """Write the files of a classifier. Only probe and finetune have probabilities and a history."""
    scores = SCORES | {"accuracy": accuracy(name)}
    header, rows = ["actual", "predicted"], [list(pair) for pair in zip(actual, predicted, strict=True)]
    metrics: dict[str, Mapping[str, float]] = {"val": SCORES | {"accuracy": 0.25}, "test": scores}
    if name in ("probe", "finetune"):
        scores |= {"log_loss": 0.875, "ece": 0.0625}
        metrics["chosen"] = {"lr": 0.03}
        header.append("confidence")
        rows = [[*row, 0.5 + i / 8] for i, row in enumerate(rows)]
        write_csv(f"plots/{name}_history.csv", ("epoch", "loss", "accuracy", "val_loss", "val_accuracy"), EPOCHS)
    write_json(f"metrics/{name}.json", metrics)
    write_csv(f"plots/{name}_predictions.csv", header, rows)
    figures = [(label, 0.9, 0.6, accuracy(name) + 0.2, actual.count(label)) for label in classes]
    write_csv(f"plots/{name}_classes.csv", ("class", "precision", "recall", "f1", "images"), figures)


def write_run(classes: Sequence[str] = CLASSES, **predictions: Sequence[str]) -> None:
    """Write metrics/ and plots/ of a run in the current folder.

    Args:
        classes: names of the two classes.
        predictions: by classifier, the predicted classes. The others are correct on all images.
    """
    actual = [classes[CLASSES.index(name)] for name in ACTUAL]
    for name in CLASSIFIERS:
        write_classifier(name, classes, actual, predictions.get(name, actual))
    first, second, *_ = reversed(CLASSIFIERS)
    pair = {"better": first, "worse": second, "difference": 0.25, "low": 0.1, "high": 0.4, "p_value": 0.03}
    write_json("metrics/compare.json", {"images": 4, "pairs": [pair | {"words": f"{first} is better than {second}"}]})
    curve = [{"images": 10, "mean": 0.4, "sd": 0.02}, {"images": 20, "mean": 0.6, "sd": 0.01}]
    write_json("metrics/labels.json", {"probe": curve, "svm": [point | {"mean": 0.3} for point in curve]})
    write_csv("plots/finetune_labels.csv", ("classifier", "images", "draw", "accuracy"), [("finetune", 10, 0, 0.45)])
    quality = {"neighbour_agreement": 0.82, "trustworthiness": 0.99}
    write_json("metrics/tsne.json", {"features": quality, "pixels": quality | {"neighbour_agreement": 0.34}})
    header = ("row", "class", "feature_x", "feature_y", "pixel_x", "pixel_y")
    write_csv("plots/tsne.csv", header, [(i, name, i, -i, 2 * i, 3 * i) for i, name in enumerate(actual)])
    converged = {
        "sigmoid": {"iterations": 300, "test_accuracy": 0.9},
        "relu": {"iterations": 100, "test_accuracy": 0.95},
    }
    write_json("metrics/activations.json", {"mlp": converged, "convnet": converged})
    curves = [(network, kind, 45, 0.5) for network in ("mlp", "convnet") for kind in ("sigmoid", "relu")]
    write_csv("plots/activations.csv", ("network", "activation", "iteration", "loss"), curves)
    write_json("metrics/backbone.json", {"parameters": 474720, "descriptor_size": 128})


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
        files={"train": ["0", "1", "2"], "val": ["3"], "test": [f"{i}.png" for i in (11, 12, 13, 14)]},
    )
