"""Formats the findings of the command `seeds` for a terminal."""

from collections.abc import Mapping
from textwrap import fill
from typing import Any

NOT_MEASURED = "-"
SUMMARY = {  # key of a classifier's findings -> label
    "mean": "mean",
    "low": "95 % from",
    "high": "95 % to",
    "sd_split": "sd by split",
    "sd_training": "sd by training",
}


def describe_findings(findings: Mapping[str, Any]) -> str:
    """Format a table with one column per classifier, the best one first, and explain its last lines.

    Args:
        findings: the content of metrics/seeds.json.

    Returns:
        The lines, joined. None is wider than 100 columns.
    """
    classifiers = {name: figures for name, figures in findings.items() if name not in ("parameters", "seeds")}
    best_first = sorted(classifiers, key=lambda name: classifiers[name]["mean"], reverse=True)
    rows = [("split  training", best_first)]
    for run in range(len(classifiers[best_first[0]]["accuracies"])):
        accuracies = [classifiers[name]["accuracies"][run] for name in best_first]
        seeds = f"{accuracies[0]['split_seed']:5}  {accuracies[0]['training_seed']:8}"
        rows.append((seeds, [_format(accuracy["accuracy"]) for accuracy in accuracies]))
    rows += [(label, [_format(classifiers[name][key]) for name in best_first]) for key, label in SUMMARY.items()]
    width = max(8, *map(len, best_first))
    lines = [f"{label:15}" + "".join(f"  {cell:>{width}}" for cell in cells) for label, cells in rows]
    return "\n".join(["test accuracy", *lines, "", fill(_explain(findings["seeds"]), 100)])


def _format(figure: float | None) -> str:
    return NOT_MEASURED if figure is None else f"{figure:.3f}"


def _explain(seeds: Mapping[str, Any]) -> str:
    if seeds["splits"] == 1:
        return "There is one split, so the interval does not contain how much another split changes the accuracy."
    text = (
        f"Splits share images: {seeds['shared_images']} of {seeds['images']} test images are in more than one split. "
        "So the runs are not independent, and the interval resamples splits, trainings and images together."
    )
    if seeds["trainings"] == 1:
        return f"{text} Each split has one training, so the spread by split contains the spread by training."
    return text
