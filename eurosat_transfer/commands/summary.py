"""Show the results of the last run and where its files are.

It prints the test accuracy of each classifier with its 95 % interval, the best one first. It says
which classifier to use and how long the stages took, and lists the figures, the pictures and the
pages of the report.
"""

import argparse
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eurosat_transfer.errors import UserError
from eurosat_transfer.evaluation.classifiers import CLASSIFIERS

PICTURES = {
    "plots/tiles.png": "sample tiles, one row per class",
    "plots/tsne.png": "t-SNE of the deep features and of the raw pixels",
    "plots/labels.png": "test accuracy by number of labelled images",
    "plots/activations.png": "training losses, sigmoid against ReLU, each at its best learning rate",
}
REPORT = "report/report.html"
COMPARISON = Path("metrics/compare.json")
WIDTH = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add nothing: the command has no arguments."""


def run(_arguments: argparse.Namespace) -> None:
    """Print the summary.

    Raises:
        UserError: DVC's cache gave back a damaged output, or a file of metrics is not valid JSON.
    """
    from eurosat_transfer.io.json_files import read_json
    from eurosat_transfer.pipeline.integrity import damaged_outputs
    from eurosat_transfer.pipeline.seconds_log import read_seconds

    if damaged := damaged_outputs():
        raise UserError(
            f"damaged in DVC's cache: {', '.join(map(str, damaged))}. The content differs from its checksum. "
            "`python -m eurosat_transfer repair` removes the damaged objects"
        )
    files = {name: Path(f"metrics/{name}.json") for name in CLASSIFIERS}
    scores = {name: read_json(path)["test"] if path.exists() else None for name, path in files.items()}
    advice = format_advice(read_json(COMPARISON)) if COMPARISON.exists() and None not in scores.values() else ""
    print(f"\n{format_scores(scores)}\n\n{advice}{format_seconds(read_seconds())}{list_files()}")


def format_scores(scores: Mapping[str, Mapping[str, Any] | None]) -> str:
    """Format a table with one line per classifier, the best one first.

    Args:
        scores: by classifier: accuracy, accuracy_low, accuracy_high and macro_f1 on test; None if the classifier has
            no result.

    Returns:
        The lines, joined.
    """
    width = max(map(len, scores))
    lines = [f"{'':{width}}  test accuracy  95 % interval   macro F1"]
    for name in sorted(scores, key=lambda name: -((scores[name] or {}).get("accuracy", 0))):
        test = scores[name]
        if test is None:
            lines.append(f"{name:{width}}  no result yet: `dvc repro` computes it, `dvc pull` fetches it")
            continue
        interval = f"{test['accuracy_low']:.3f} to {test['accuracy_high']:.3f}"
        lines.append(f"{name:{width}}  {test['accuracy']:13.3f}  {interval}  {test['macro_f1']:8.3f}")
    return "\n".join(lines)


def format_advice(comparison: Mapping[str, Any]) -> str:
    """Format which classifier to use. The words name the classes that have too few test images.

    Args:
        comparison: as eurosat_transfer.evaluation.comparison.compare_classifiers returns it.

    Returns:
        Lines of at most WIDTH columns, with an empty line at the end.
    """
    return textwrap.fill(f"{comparison['words']}.", WIDTH) + "\n\n"


def format_seconds(seconds: Mapping[str, float]) -> str:
    """Format how long the stages took.

    Args:
        seconds: by stage, when it last ran on this machine.

    Returns:
        Lines of at most WIDTH columns, with an empty line at the end. Empty if no stage has run.
    """
    if not seconds:
        return ""
    listed = ", ".join(f"{stage} {time:.0f}" for stage, time in seconds.items())
    return textwrap.fill(f"Seconds when a stage last ran here: {listed}.", WIDTH) + "\n\n"


def list_files() -> str:
    """List the files in the current folder that show the results, with a description each.

    Returns:
        One line per file or group of files. Pictures and pages that do not exist are left out.
    """
    lines = ["figures:  metrics/*.json (`dvc metrics show` prints them); by class: plots/*_classes.csv"]
    lines += [f"picture:  {path}: {description}" for path, description in PICTURES.items() if Path(path).exists()]
    if Path(REPORT).exists():
        lines.append(f"report:   {REPORT} shows everything on one page, report/explore.html each tile")
        lines.append("          to compare two runs, run `dvc plots diff` and open dvc_plots/index.html")
    return "\n".join(lines)
