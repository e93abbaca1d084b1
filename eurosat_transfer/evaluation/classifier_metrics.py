"""The metrics files of all classifiers."""

from typing import Any

from eurosat_transfer.evaluation.classifiers import CLASSIFIERS
from eurosat_transfer.evaluation.left_out import LEFT_OUT
from eurosat_transfer.io.json_files import read_json


def read_metrics() -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Read the metrics of all classifiers.

    Returns:
        By classifier, the metrics of those that have results; and why the others are left out.

    Raises:
        UserError: a file is damaged.
        FileNotFoundError: a file is missing.
    """
    metrics = {name: read_json(f"metrics/{name}.json") for name in CLASSIFIERS}
    left_out = {name: str(of[LEFT_OUT]) for name, of in metrics.items() if LEFT_OUT in of}
    return {name: of for name, of in metrics.items() if name not in left_out}, left_out
