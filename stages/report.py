"""Write the report: tables, charts and findings, as pages that need no network. Write the model card too.

Reads   metrics/*.json, plots/*.csv, map/, model/model.json
        data/split.csv, data/array_records/   for the tiles that the pages show
Writes  report/report.html    all results
        report/explore.html   t-SNE of the test images, with their tiles and predictions
        report/report.md      the tables, for a pull request
        model/README.md       the model card
"""

from collections.abc import Mapping
from typing import Any

from eurosat_transfer.data.selection import open_selection
from eurosat_transfer.io.atomic import atomic_write
from eurosat_transfer.parameters.loading import load_parameters
from eurosat_transfer.pipeline.stage import run_stage
from eurosat_transfer.prediction.saved_model import CARD_FILE, MODEL, NoModelError, load_description
from eurosat_transfer.reporting.model_card import write_card
from eurosat_transfer.reporting.pages import write_report
from eurosat_transfer.reporting.results import load_results


def main() -> None:
    """Run the stage."""
    parameters, results = load_parameters().as_dict(), load_results()
    dataset, selection = open_selection()
    write_report(parameters, results, dataset, selection)
    write_model_card(parameters, results.metrics, results.comparison)
    print("open report/report.html in a browser; report/report.md is for a pull request")


def write_model_card(
    parameters: Mapping[str, Mapping[str, Any]], metrics: Mapping[str, Mapping[str, Any]], comparison: Mapping[str, Any]
) -> None:
    """Write the card of the saved classifier, or why there is none."""
    with atomic_write(MODEL / CARD_FILE) as part:
        try:
            write_card(part, load_description(MODEL), parameters, metrics, comparison)
        except NoModelError as error:
            part.write_text(f"{error}\n", encoding="utf-8")


if __name__ == "__main__":
    run_stage(main, __doc__)
