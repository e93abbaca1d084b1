"""Results of all stages, as the report needs them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from eurosat_transfer.evaluation.classifier_metrics import read_metrics
from eurosat_transfer.evaluation.seed_findings import SEEDS_FILE
from eurosat_transfer.io.csv_files import read_csv
from eurosat_transfer.io.json_files import read_json

AREAS = "map/areas.csv"
AREA_FIGURES = ("mapped_hectares", "hectares", "low", "high", "pixels", "share_unsure")

Rows = list[dict[str, Any]]


class RunResults(NamedTuple):
    """Figures and tables of one run.

    All dictionaries by classifier have the one with the highest test accuracy first, and of equally good ones the
    cheapest first.

    Attributes:
        metrics: by classifier: val and test, each with its scores; training_labels; perhaps chosen, unlabelled
            and saw_test.
        left_out: by classifier that has no results, why. It is in none of the other dictionaries.
        predictions: by classifier, a row per test image: file, actual, predicted, confidence.
        per_class: by classifier, by class: precision, recall, f1, images. A class without test images has no figures:
            they are None.
        history: by classifier that trains in epochs, a row per epoch: epoch, loss, accuracy, val_loss, val_accuracy.
        comparison: as eurosat_transfer.evaluation.comparison.compare_classifiers returns it.
        seeds: as eurosat_transfer.evaluation.seed_findings.summarise_runs returns it. Empty if the command seeds has
            never run.
        labels: by classifier of the stage labels, a row per number of images: images, mean, sd, se, draws. sd and se
            are None for a single draw.
        label_pairs: a row for each two classifiers of the stage labels and each number of images: first, second,
            images, draws, mean, low, high (simultaneous intervals). low and high are None for a single draw.
        chosen: chosen, drawn: an SVM on chosen and on drawn tiles, a row per number of images as in labels;
            differences: a row per number of images: images, draws, mean, low, high (simultaneous intervals).
        on_bands: by classifier, its figures on statistics of the bands: val and test, each with its scores.
        subset_fits: by classifier that fits subsets in its own stage, a row per fit: images, accuracy.
        groups: as in metrics/groups.json.
        suspects: as in metrics/suspects.json.
        suspect_rows: a row per training image, the one whose label looks most wrong first: rank, file, given,
            suggested, probability_given, probability_suggested, margin, flagged (yes or no).
        tsne: by projection (features, pixels): neighbour_agreement, trustworthiness.
        points: a row per image in the t-SNE pictures: row (its position in predictions), class, feature_x, feature_y,
            pixel_x, pixel_y.
        activations: by network: for each activation its rate, iterations and test_accuracy with their spread; and the
            ratio of the iterations, or None.
        curves: a row per epoch at the best rate: network, activation, rate, seed, iteration, loss.
        backbone: parameters, descriptor_size.
        data: images, copies, contradictions: numbers of images of the data set.
        map_scores: of a map whose truth is known: see score_map. Empty for other maps.
        map_areas: a row per class of the map. Empty if there was no scene.
    """

    metrics: dict[str, dict[str, Any]]
    left_out: dict[str, str]
    predictions: dict[str, Rows]
    per_class: dict[str, dict[str, dict[str, Any]]]
    history: dict[str, Rows]
    comparison: dict[str, Any]
    seeds: dict[str, Any]
    labels: dict[str, Rows]
    label_pairs: Rows
    chosen: dict[str, Rows]
    on_bands: dict[str, dict[str, Any]]
    subset_fits: dict[str, Rows]
    groups: dict[str, Any]
    suspects: dict[str, Any]
    suspect_rows: Rows
    tsne: dict[str, dict[str, float]]
    points: Rows
    activations: dict[str, dict[str, dict[str, Any]]]
    curves: Rows
    backbone: dict[str, Any]
    data: dict[str, int]
    map_scores: dict[str, Any]
    map_areas: Rows


def load_results() -> RunResults:
    """Read the results of all stages from metrics/ and plots/ in the current folder.

    Returns:
        The results. Columns of figures are floats.

    Raises:
        UserError: a file is damaged.
        FileNotFoundError: a file is missing.
    """
    metrics, left_out = read_metrics()
    names = sorted(metrics, key=lambda name: -metrics[name]["test"]["accuracy"])  # stable: then the cheapest first
    return RunResults(
        metrics={name: metrics[name] for name in names},
        left_out=left_out,
        predictions={name: _read_figures(f"plots/{name}_predictions.csv", "confidence") for name in names},
        per_class={name: _read_classes(f"plots/{name}_classes.csv") for name in names},
        history={
            name: _read_figures(path, "epoch", "loss", "accuracy", "val_loss", "val_accuracy")
            for name, path in _existing("plots/{}_history.csv", names).items()
        },
        comparison=read_json("metrics/compare.json"),
        seeds=read_json(SEEDS_FILE) if Path(SEEDS_FILE).exists() else {},
        labels=read_json("metrics/labels.json"),
        label_pairs=read_json("metrics/label_pairs.json")["pairs"],
        chosen=read_json("metrics/chosen.json"),
        on_bands=read_json("metrics/bands_classifiers.json"),
        subset_fits={
            name: _read_figures(path, "images", "accuracy")
            for name, path in _existing("plots/{}_labels.csv", names).items()
        },
        groups=read_json("metrics/groups.json"),
        suspects=read_json("metrics/suspects.json"),
        suspect_rows=_read_figures("plots/suspects.csv", "probability_given", "probability_suggested", "margin"),
        tsne=read_json("metrics/tsne.json"),
        points=_read_figures("plots/tsne.csv", "row", "feature_x", "feature_y", "pixel_x", "pixel_y"),
        activations=read_json("metrics/activations.json"),
        curves=_read_figures("plots/activations.csv", "rate", "iteration", "loss"),
        backbone=read_json("metrics/backbone.json"),
        data=read_json("metrics/data.json"),
        map_scores=read_json("metrics/map.json"),
        map_areas=_read_figures(AREAS, *AREA_FIGURES) if Path(AREAS).exists() else [],
    )


def find_worst_mistakes(predictions: Mapping[str, Sequence[Mapping[str, Any]]], count: int) -> list[int]:
    """Find the test images with the worst mistakes.

    Images that more classifiers predict wrongly are worse. Among images with equally many wrong predictions, those with
    a higher sum of the confidences of these predictions are worse.

    Args:
        predictions: by classifier, a row per test image: actual, predicted and perhaps confidence.
        count: maximum number of images to find.

    Returns:
        Positions among the test images, with the worst first. Images without a mistake are left out.
    """
    images = range(len(next(iter(predictions.values()))))
    wrong = [[rows[i] for rows in predictions.values() if rows[i]["actual"] != rows[i]["predicted"]] for i in images]
    confidence = [sum(row.get("confidence", 0) for row in rows) for rows in wrong]
    worst_first = sorted(images, key=lambda i: (-len(wrong[i]), -confidence[i], i))
    return [i for i in worst_first if wrong[i]][:count]


def _existing(pattern: str, names: Sequence[str]) -> dict[str, str]:
    """Find the files that only some classifiers write."""
    paths = {name: pattern.format(name) for name in names}
    return {name: path for name, path in paths.items() if Path(path).exists()}


def _read_figures(path: str, *columns: str) -> Rows:
    """Read a CSV file, with the values of some columns, if it has them, as floats. Blank fields are None."""
    return [
        {**row, **{column: float(row[column]) if row[column] else None for column in columns if column in row}}
        for row in read_csv(path)
    ]


def _read_classes(path: str) -> dict[str, dict[str, Any]]:
    return {row["class"]: row for row in _read_figures(path, "precision", "recall", "f1", "images")}
