"""Write the report, as pages that need no network, and the model card.

Reads   metrics/*.json, plots/*.csv, map/, model/model.json
        data/vega.js                          for the charts
        data/split.csv, data/array_records/   for the tiles that the pages show
Writes  report/report.html    all results
        report/explore.html   t-SNE of the test images, with their tiles and predictions
        report/report.md      the tables, for a pull request
        model/README.md       the model card
"""

from eurosat_transfer.data.selection import open_selection
from eurosat_transfer.parameters.loading import load_parameters
from eurosat_transfer.pipeline.stage import run_stage
from eurosat_transfer.prediction.saved_model import MODEL
from eurosat_transfer.reporting.model_card import write_model_card
from eurosat_transfer.reporting.pages import write_report
from eurosat_transfer.reporting.results import load_results


def main() -> None:
    """Run the stage."""
    parameters, results = load_parameters().as_dict(), load_results()
    dataset, selection = open_selection()
    write_report(parameters, results, dataset, selection)
    write_model_card(MODEL, parameters, results.metrics, results.comparison)
    print("open report/report.html in a browser; report/report.md is for a pull request")


if __name__ == "__main__":
    run_stage(main, __doc__)
