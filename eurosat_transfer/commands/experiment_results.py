"""Reads the parameters and the predictions of a DVC experiment."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from eurosat_transfer.commands.experiments import open_experiment
from eurosat_transfer.errors import UserError
from eurosat_transfer.evaluation.classifiers import CLASSIFIERS


class ExperimentResult(NamedTuple):
    """What one experiment was run with, and what it predicted.

    Attributes:
        parameters: {section: {parameter: value}}.
        correct: by classifier, by name of the test image: whether its prediction is correct.
    """

    parameters: dict[str, dict[str, Any]]
    correct: dict[str, dict[str, bool]]


def read_experiment(experiment: str) -> ExperimentResult:
    """Read an experiment, without changing the working tree.

    Args:
        experiment: its name, or any revision of Git.

    Raises:
        UserError: DVC does not have the experiment, its params.yaml is not valid, or two of its test images have the
            same name.
        FileNotFoundError: a classifier has no predictions.
    """
    from eurosat_transfer.io.csv_files import read_csv
    from eurosat_transfer.parameters.loading import load_parameters

    read_file = open_experiment(experiment)
    with tempfile.TemporaryDirectory() as folder:

        def copy(path: str) -> Path:
            target = Path(folder) / Path(path).name
            target.write_bytes(read_file(path))
            return target

        parameters = load_parameters(copy("params.yaml")).as_dict()
        tables = {name: read_csv(copy(f"plots/{name}_predictions.csv")) for name in CLASSIFIERS}
    # A classifier that was left out has a table without rows.
    return ExperimentResult(parameters, {name: correct_by_file(rows) for name, rows in tables.items() if rows})


def correct_by_file(predictions: Sequence[Mapping[str, str]]) -> dict[str, bool]:
    """Find out which predictions are correct.

    Args:
        predictions: a row per test image: file, actual and predicted.

    Returns:
        By name of the image, whether its prediction is correct.

    Raises:
        UserError: two images have the same name.
    """
    correct: dict[str, bool] = {}
    for row in predictions:
        if row["file"] in correct:
            raise UserError(f"two test images are called {row['file']}; to compare seeds, images need different names")
        correct[row["file"]] = row["actual"] == row["predicted"]
    return correct
