"""Pages of the report: tables, charts and tiles of one run, in files that need no network."""

import base64
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from eurosat_transfer.data.dataset import TileDataset
from eurosat_transfer.data.selection import Selection
from eurosat_transfer.data.subsets import UNLABELLED
from eurosat_transfer.evaluation.classifiers import CLASSIFIERS
from eurosat_transfer.evaluation.comparison import describe_small_classes
from eurosat_transfer.io.atomic import atomic_write
from eurosat_transfer.reporting.changed_parameters import changed_parameters, data_name, default_parameters
from eurosat_transfer.reporting.charts import make_charts
from eurosat_transfer.reporting.conclusions import Run, cost_of, draw_conclusions
from eurosat_transfer.reporting.data_set import FIRST_FOLD_ONLY, describe_data
from eurosat_transfer.reporting.data_uri import to_data_uri
from eurosat_transfer.reporting.explorer import explorer_chart
from eurosat_transfer.reporting.label_curves import join_label_curves, tabulate_label_curves
from eurosat_transfer.reporting.page_templates import page_templates
from eurosat_transfer.reporting.palette import class_colours
from eurosat_transfer.reporting.places import describe_leak
from eurosat_transfer.reporting.results import Rows, RunResults, find_worst_mistakes
from eurosat_transfer.reporting.sentences import describe_results
from eurosat_transfer.reporting.suspects import COMMAND, DRAWN, describe_suspects, show_suspects
from eurosat_transfer.reporting.vega_script import VEGA_SCRIPT

LIBRARIES = ("dvc", "tensorflow", "keras", "scikit-learn", "numpy", "tensorflow-datasets")  # whose versions are shown
MAP_PICTURE = Path("map/map.png")
PAGES = ("report.html", "explore.html", "report.md")
MAX_MISTAKES = 24  # tiles on the report's page
MAX_EXPLORED = 2000  # tiles on the interactive page

# Gives the data URI of the test image at a position.
ShowTile = Callable[[int], str]


def write_report(
    params: Mapping[str, Mapping[str, Any]], results: RunResults, dataset: TileDataset, selection: Selection
) -> None:
    """Write report/report.html, report/explore.html and report/report.md.

    Args:
        params: all parameters: {section: {parameter: value}}.
        results: results of the run.
        dataset: data set with the tiles.
        selection: the selected tiles of the data set, of all folds.

    Raises:
        UserError: the data set is damaged.
        OSError: a page cannot be written.
    """
    pooled = selection.pooled()

    def show_tile(position: int) -> str:
        return to_data_uri(dataset[int(pooled.indices["test"][position])].image)

    trained = dict(zip(pooled.files["train"], pooled.indices["train"], strict=True))

    def show_trained_tile(file: str) -> str:
        return to_data_uri(dataset[int(trained[file])].image)

    explored = explorer_points(results, show_tile)
    classes = selection.classes
    folds = [{subset: len(labels) for subset, labels in fold.labels.items()} for fold in selection.folds()]
    if UNLABELLED in selection.indices:
        folds = [fold | {UNLABELLED: len(selection.indices[UNLABELLED])} for fold in folds]
    curves = join_label_curves(results) if len(folds) == 1 else {}
    findings = describe_results(results, curves)
    if len(folds) > 1:
        findings["labels"] = [FIRST_FOLD_ONLY]
    run = Run(params, results, curves, folds, selection.count())
    small_classes = describe_small_classes(results.comparison["small_classes"])
    context = {
        "about": dataset.description,
        "about_images": describe_data(results.data, params["split"]["contradictions"], folds),
        "data_name": data_name(params),
        "changed": changed_parameters(params, default_parameters()),
        "conclusions": draw_conclusions(run),
        "small_classes": f"{small_classes}." if small_classes else "",
        "curves": curves,
        "curve_rows": tabulate_label_curves(curves),
        "costs": {name: cost_of(name, run) for name in results.metrics},
        "colours": dict(zip(classes, class_colours(classes), strict=True)),
        "params": params,
        "results": results,
        "classes": classes,
        "classifiers": {name: CLASSIFIERS[name] for name in results.metrics},
        "subsets": {subset: len(labels) for subset, labels in pooled.labels.items()},
        "folds": len(folds),
        "versions": {name: version(name) for name in LIBRARIES},
        "findings": findings,
        "map_picture": picture_uri(MAP_PICTURE) if MAP_PICTURE.exists() else "",
        "mistakes": show_mistakes(results, show_tile),
        "about_places": [] if params["data"]["name"] == DRAWN else describe_leak(results.groups),
        "about_suspects": describe_suspects(results.suspects, params["data"]["name"] == DRAWN),
        "suspects": show_suspects(results.suspect_rows, show_trained_tile),
        "suspects_command": COMMAND,
        "charts": make_charts(results, classes, curves),
        "explored": len(explored),
        "explorer": explorer_chart(explored, classes, list(results.predictions)).to_dict(),
        "script": VEGA_SCRIPT.read_text(encoding="utf-8"),
    }
    render_pages(context)


def picture_uri(path: Path) -> str:
    """Turn a PNG file into a data URI."""
    return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"


def show_mistakes(results: RunResults, show_tile: ShowTile) -> Rows:
    """Collect the worst mistakes, MAX_MISTAKES at most.

    Args:
        results: results of the run.
        show_tile: gives the data URI of a test image.

    Returns:
        A row per image, the worst first: file, actual, image (a data URI), predictions: by classifier, its row.
    """
    mistakes = []
    for position in find_worst_mistakes(results.predictions, MAX_MISTAKES):
        predictions = {name: rows[position] for name, rows in results.predictions.items()}
        first = next(iter(predictions.values()))
        mistake = {"file": first["file"], "actual": first["actual"], "image": show_tile(position)}
        mistakes.append(mistake | {"predictions": predictions})
    return mistakes


def explorer_points(results: RunResults, show_tile: ShowTile) -> Rows:
    """Collect the points of the interactive page: those of the t-SNE picture, or MAX_EXPLORED of them, evenly spaced.

    Args:
        results: results of the run.
        show_tile: gives the data URI of a test image.

    Returns:
        A row per image: row, its place among the test images; x, y, file, class; image, a data URI; and under the name
        of each classifier its prediction.
    """
    points = results.points
    shown = np.linspace(0, len(points) - 1, min(MAX_EXPLORED, len(points))).astype(int)
    rows = []
    for point in (points[i] for i in shown):
        position = int(point["row"])
        predictions = {name: of[position] for name, of in results.predictions.items()}
        image = {
            "row": position,
            "x": point["feature_x"],
            "y": point["feature_y"],
            "file": next(iter(predictions.values()))["file"],
            "class": point["class"],
            "image": show_tile(position),
        }
        rows.append(image | {name: row["predicted"] for name, row in predictions.items()})
    return rows


def render_pages(context: Mapping[str, Any]) -> None:
    """Render all pages. Texts from outside, such as names of classes and files, are escaped.

    Args:
        context: the variables of the templates.

    Raises:
        jinja2.UndefinedError: a template needs a variable that the context lacks.
        OSError: a page cannot be written.
    """
    templates = page_templates()
    for name in PAGES:
        with atomic_write(f"report/{name}") as part:
            part.write_text(templates.get_template(f"{name}.j2").render(context), encoding="utf-8")
