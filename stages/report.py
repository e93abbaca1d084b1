"""One page of everything: what was run, how good each classifier is, where they fail, and what follows.

Reads   metrics/*.json  plots/*.csv  data/split.csv  data/dataset/ (the tiles that the pages show)
Writes  report/report.html   everything, in one file that needs no network
        report/explore.html  t-SNE of the test images: point at one, see its tile and what each classifier said
        report/report.md     the tables, for a pull request
"""

import base64
import io
from collections.abc import Callable
from importlib.metadata import version

import numpy as np
import vl_convert
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from PIL import Image

from stages.common.files import whole
from stages.common.params import load_params
from stages.common.stage import run_stage
from stages.common.tiles import class_names, open_chosen
from stages.reporting import charts, words
from stages.reporting.results import COSTLIEST_FIRST, Results, load_results, worst_mistakes

VERSIONS = ("dvc", "tensorflow", "keras", "scikit-learn", "numpy", "tensorflow-datasets")
PAGES = ("report.html", "explore.html", "report.md")
MISTAKES, EXPLORED, SIDE = 24, 2000, 64  # at most so many tiles on a page, so large in pixels


def as_uri(encoded: bytes) -> str:
    """An encoded image as a data URI, shrunk to at most SIDE pixels where it is larger."""
    image = Image.open(io.BytesIO(encoded))
    kind = image.format
    if max(image.size) > SIDE:
        image.thumbnail((SIDE, SIDE))
        buffer = io.BytesIO()
        image.save(buffer, kind)
        encoded = buffer.getvalue()
    return f"data:image/{kind.lower()};base64,{base64.b64encode(encoded).decode('ascii')}"


def to_explore(results: Results, image: Callable[[int], str]) -> list[dict]:
    """The points of the interactive page: those of the t-SNE picture, or EXPLORED of them, evenly spaced.

    Args:
        image: the data URI of a test image by its place among them.
    """
    shown = np.linspace(0, len(results.points) - 1, min(EXPLORED, len(results.points))).astype(int)
    return [
        {"x": point["feature_x"], "y": point["feature_y"], "class": point["class"], "image": image(row)}
        | {name: results.said[name][row]["predicted"] for name in COSTLIEST_FIRST}
        for point, row in ((results.points[i], int(results.points[i]["row"])) for i in shown)
    ]


def write_pages(context: dict) -> None:
    """Render every page; what comes from outside (class names, file names) is escaped."""
    templates = Environment(
        loader=PackageLoader("stages.reporting"),
        autoescape=select_autoescape(("html.j2",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    templates.globals["zip"] = zip
    for name in PAGES:
        with whole(f"report/{name}") as part:
            part.write_text(templates.get_template(f"{name}.j2").render(context), encoding="utf-8")


def main() -> None:
    params, results, classes = load_params(), load_results(), class_names()
    records, chosen = open_chosen()
    files = [row["file"] for row in results.split if row["subset"] == "test"]

    def image(place: int) -> str:
        return as_uri(records[chosen["test"][place]].image)

    explored = to_explore(results, image)
    wrong = worst_mistakes(results.said, MISTAKES)
    context = {
        "about": records.description,
        "params": params.model_dump(),
        "results": results,
        "classes": classes,
        "subsets": {name: sum(row["subset"] == name for row in results.split) for name in ("train", "val", "test")},
        "versions": {name: version(name) for name in VERSIONS},
        "findings": words.findings(results),
        "mistakes": [
            {"file": files[i], "image": image(i), "said": {n: said[i] for n, said in results.said.items()}}
            for i in wrong
        ],
        "charts": charts.for_report(results, classes),
        "explored": len(explored),
        "explorer": charts.explorer(explored, classes, COSTLIEST_FIRST).to_dict(),
        "script": vl_convert.javascript_bundle(),
    }
    write_pages(context)
    print("report/report.html and report/explore.html, to open in a browser; report/report.md")


if __name__ == "__main__":
    run_stage(main, __doc__)
