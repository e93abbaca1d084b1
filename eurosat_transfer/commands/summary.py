"""Show the results of the last run and where its files are.

It prints the test accuracy of each classifier with its 95 % interval, the best one first. It says
which classifier to use and how long the stages took, and lists the figures, the pictures and the
pages of the report.
"""

import argparse
import textwrap
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from eurosat_transfer.errors import UserError
from eurosat_transfer.evaluation.classifiers import CLASSIFIERS

PICTURES = {
    "plots/tiles.png": "sample tiles, one row per class",
    "plots/tsne.png": "t-SNE of the deep features and of the raw pixels",
    "plots/labels.png": "test accuracy by number of labelled images",
    "plots/chosen.png": "test accuracy on chosen and on drawn labels",
    "plots/activations.png": "training losses, sigmoid against ReLU, each at its best learning rate",
}
REPORT = "report/report.html"
COMPARISON = Path("metrics/compare.json")
NO_RESULT = "no result yet: `dvc repro` computes it, `dvc pull` fetches it"
WIDTH = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add nothing: the command has no arguments."""


def run(_arguments: argparse.Namespace) -> None:
    """Print the summary.

    Raises:
        UserError: DVC's cache gave back a damaged output, or a file of metrics is not valid JSON.
    """
    from eurosat_transfer.evaluation.left_out import LEFT_OUT
    from eurosat_transfer.io.json_files import read_json
    from eurosat_transfer.pipeline.freshness import outdated_outputs
    from eurosat_transfer.pipeline.integrity import damaged_outputs
    from eurosat_transfer.pipeline.seconds_log import read_seconds

    if damaged := damaged_outputs():
        raise UserError(
            f"damaged in DVC's cache: {', '.join(map(str, damaged))}. The content differs from its checksum. "
            "`python -m eurosat_transfer repair` removes the damaged objects"
        )
    files = {name: Path(f"metrics/{name}.json") for name in CLASSIFIERS}
    pictures = map(Path, (*PICTURES, REPORT))
    outdated = outdated_outputs([*files.values(), COMPARISON, *pictures]) | of_other_images(files)
    reasons = {name: outdated[path] for name, path in files.items() if path.exists() and path in outdated}
    metrics = {name: read_json(path) if path.exists() else {} for name, path in files.items()}
    left_out = {name: of[LEFT_OUT] for name, of in metrics.items() if LEFT_OUT in of and name not in reasons}
    scores = {name: of.get("test") for name, of in metrics.items() if name not in left_out}
    is_advised = COMPARISON.exists() and COMPARISON not in outdated and not reasons and None not in scores.values()
    advice = format_advice(read_json(COMPARISON)) if is_advised else ""
    without = "".join(f"{name} is left out: {reason}\n" for name, reason in left_out.items())
    table = f"{format_scores(scores, reasons)}\n{without}"
    print(f"\n{table}\n{advice}{format_seconds(read_seconds())}{list_files(outdated)}")


def of_other_images(files: Mapping[str, Path]) -> dict[Path, str]:
    """Find the results of classifiers that need images, if the features were computed elsewhere.

    Args:
        files: the metrics, by classifier.

    Returns:
        By path of the metrics, why they do not belong to the others.
    """
    from eurosat_transfer.features.feature_set import FEATURES_FILE
    from eurosat_transfer.parameters.extract import Extract
    from eurosat_transfer.parameters.loading import load_section
    from eurosat_transfer.pipeline.definition import all_stages, inputs_of

    if load_section(Extract).features is None:
        return {}
    stages = all_stages()
    return {
        path: "extract.features has no images"
        for name, path in files.items()
        if name in stages and Path(FEATURES_FILE) not in inputs_of(name)
    }


def format_scores(scores: Mapping[str, Mapping[str, Any] | None], outdated: Mapping[str, str]) -> str:
    """Format a table with one line per classifier, the best one first.

    Args:
        scores: by classifier: accuracy, accuracy_low, accuracy_high and macro_f1 on test; None if the classifier has
            no result.
        outdated: by classifier whose result does not belong to the present parameters and data: why. Its scores are not
            shown.

    Returns:
        The lines, joined.
    """
    scores = {name: None if name in outdated else test for name, test in scores.items()}
    width = max(map(len, scores))
    lines = [f"{'':{width}}  test accuracy  95 % interval   macro F1"]
    for name in sorted(scores, key=lambda name: -((scores[name] or {}).get("accuracy", 0))):
        test = scores[name]
        if test is None:
            result = f"out of date: {outdated[name]}" if name in outdated else NO_RESULT
            lines.append(f"{name:{width}}  {result}")
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


def list_files(outdated: Collection[Path]) -> str:
    """List the files in the current folder that show the results, with a description each.

    Args:
        outdated: those of them that are out of date. They are marked.

    Returns:
        One line per file or group of files. Pictures and pages that do not exist are left out.
    """
    lines = ["figures:  metrics/*.json (`dvc metrics show` prints them); by class: plots/*_classes.csv"]
    marked = {name: f"{name} (outdated)" if Path(name) in outdated else name for name in (*PICTURES, REPORT)}
    lines += [f"picture:  {marked[name]}: {text}" for name, text in PICTURES.items() if Path(name).exists()]
    if Path(REPORT).exists():
        lines.append(f"report:   {marked[REPORT]} shows everything on one page, report/explore.html each tile")
        lines.append("          to compare two runs, run `dvc plots diff` and open dvc_plots/index.html")
    return "\n".join(lines)
