"""Write the report: tables, charts and findings, as pages that need no network.

Reads   metrics/*.json, plots/*.csv
        data/split.csv, data/array_records/   for the tiles that the pages show
Writes  report/report.html    all results
        report/explore.html   t-SNE of the test images, with their tiles and predictions
        report/report.md      the tables, for a pull request
"""

from eurosat_transfer.data.selection import open_selection
from eurosat_transfer.parameters.loading import load_parameters
from eurosat_transfer.pipeline.stage import run_stage
from eurosat_transfer.reporting.pages import write_report
from eurosat_transfer.reporting.results import load_results


def main() -> None:
    """Run the stage."""
    dataset, selection = open_selection()
    write_report(load_parameters().as_dict(), load_results(), dataset, selection)
    print("open report/report.html in a browser; report/report.md is for a pull request")


if __name__ == "__main__":
    run_stage(main, __doc__)
