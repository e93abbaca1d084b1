"""What the other stages have left, as the report needs it."""

from typing import NamedTuple

from stages.common.files import read_csv, read_json
from stages.common.names import CLASSIFIERS

COSTLIEST_FIRST = CLASSIFIERS[::-1]

Rows = list[dict]


class Results(NamedTuple):
    """Figures and tables of one run; by classifier where it says so."""

    metrics: dict[str, dict]  # by classifier: val, test and perhaps chosen
    said: dict[str, Rows]  # by classifier, a row a test image: actual, predicted and perhaps confidence
    per_class: dict[str, dict[str, dict]]  # by classifier, by class: precision, recall, f1, images
    history: dict[str, Rows]  # by classifier that has epochs
    pairs: Rows  # of compare
    labels: dict[str, Rows]  # by classifier: images, mean, sd
    tuned: Rows  # finetune.label_sizes: images, accuracy
    tsne: dict[str, dict]
    points: Rows  # row (of said), class, feature_x, feature_y, pixel_x, pixel_y
    activations: dict[str, dict]
    curves: Rows  # network, activation, iteration, loss
    backbone: dict
    split: Rows  # a row an image: file, class, subset


def load_results() -> Results:
    """Read every metrics/*.json and plots/*.csv, numbers as numbers."""
    return Results(
        metrics={name: read_json(f"metrics/{name}.json") for name in COSTLIEST_FIRST},
        said={name: _numbers(f"plots/{name}_predictions.csv", "confidence") for name in COSTLIEST_FIRST},
        per_class={name: _by_class(f"plots/{name}_classes.csv") for name in COSTLIEST_FIRST},
        history={
            name: _numbers(f"plots/{name}_history.csv", "epoch", "loss", "accuracy", "val_loss", "val_accuracy")
            for name in ("probe", "finetune")
        },
        pairs=read_json("metrics/compare.json")["pairs"],
        labels=read_json("metrics/labels.json"),
        tuned=_numbers("plots/finetune_labels.csv", "images", "accuracy"),
        tsne=read_json("metrics/tsne.json"),
        points=_numbers("plots/tsne.csv", "row", "feature_x", "feature_y", "pixel_x", "pixel_y"),
        activations=read_json("metrics/activations.json"),
        curves=_numbers("plots/activations.csv", "iteration", "loss"),
        backbone=read_json("metrics/backbone.json"),
        split=read_csv("data/split.csv"),
    )


def worst_mistakes(said: dict[str, Rows], count: int) -> list[int]:
    """Find the test images that most classifiers get wrong, the surest mistakes first; their places, count at most."""
    wrong = [
        [rows[i] for rows in said.values() if rows[i]["actual"] != rows[i]["predicted"]]
        for i in range(len(next(iter(said.values()))))
    ]
    sure = [sum(row.get("confidence", 0) for row in rows) for rows in wrong]
    by_gravity = sorted(range(len(wrong)), key=lambda i: (-len(wrong[i]), -sure[i], i))
    return [i for i in by_gravity if wrong[i]][:count]


def _numbers(path: str, *columns: str) -> Rows:
    return [row | {column: float(row[column]) for column in columns if column in row} for row in read_csv(path)]


def _by_class(path: str) -> dict[str, dict]:
    return {row["class"]: row for row in _numbers(path, "precision", "recall", "f1", "images")}
