"""Classifiers that cannot run with the present parameters. They are left out of the comparison."""

from eurosat_transfer.io.csv_files import write_csv
from eurosat_transfer.io.json_files import write_json

LEFT_OUT = "left_out"  # in the metrics of such a classifier: why


def write_left_out(stage: str, reason: str) -> None:
    """Write metrics/<stage>.json, which says why there are no results, and tables without rows.

    DVC wants the files of a stage to exist.

    Args:
        stage: name of the classifier.
        reason: why it cannot run.

    Raises:
        OSError: a file cannot be written.
    """
    write_json(f"metrics/{stage}.json", {LEFT_OUT: reason})
    write_csv(f"plots/{stage}_predictions.csv", ("file", "actual", "predicted", "confidence"), [])
    write_csv(f"plots/{stage}_classes.csv", ("class", "precision", "recall", "f1", "images"), [])
    print(f"{stage} is left out: {reason}")
