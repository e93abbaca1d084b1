"""What several split and training seeds have shown: the file metrics/seeds.json.

The command `seeds` writes the file, and Git stores it. The report shows what it holds, as long as it belongs to the
results of the workspace.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from eurosat_transfer.evaluation.seed_spread import Run, SeedSpread, measure_seed_spread
from eurosat_transfer.evaluation.training_seed import has_random_training

SEEDS_FILE = "metrics/seeds.json"
SHARED_SECTIONS = ("data", "split", "backbone", "extract")  # every classifier may depend on them
SPLIT_SEED = ("split", "seed")


class SeedRun(NamedTuple):
    """One run with its own seeds.

    Attributes:
        split_seed: decides which images are drawn.
        training_seed: of every classifier that has a seed.
        correct: by classifier, by name of the test image: whether its prediction is correct.
    """

    split_seed: int
    training_seed: int
    correct: Mapping[str, Mapping[str, bool]]


def summarise_runs(runs: Sequence[SeedRun], parameters: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Build the content of metrics/seeds.json.

    Args:
        runs: one or more.
        parameters: of one of the runs, {section: {parameter: value}}. The runs differ in their seeds only.

    Returns:
        parameters: {section: {parameter: value}}, of the sections that a classifier may depend on.
        seeds: splits, their number; trainings, the number of runs for each split; images, the number of different test
            images; shared_images, the number of those that several splits test.
        A key for each classifier: runs, their number; mean, of the test accuracies; low and high, its 95 % interval;
            sd_split and sd_training, the standard deviations between splits and between trainings on the same split,
            or None where they cannot be measured; accuracies, a list with split_seed, training_seed and accuracy of
            each run.
    """
    spreads = {name: _measure(runs, name) for name in runs[0].correct}
    first = next(iter(spreads.values()))  # all classifiers are tested on the same images
    splits = len({run.split_seed for run in runs})
    content: dict[str, Any] = {
        "parameters": {name: dict(parameters[name]) for name in (*SHARED_SECTIONS, *spreads)},
        "seeds": {
            "splits": splits,
            "trainings": len(runs) // splits,
            "images": first.images,
            "shared_images": first.shared_images,
        },
    }
    for name, spread in spreads.items():
        content[name] = {
            "runs": len(runs),
            "mean": spread.mean,
            "low": spread.low,
            "high": spread.high,
            "sd_split": spread.split_sd,
            "sd_training": spread.training_sd,
            "accuracies": _list_accuracies(runs, name),
        }
    return content


def _measure(runs: Sequence[SeedRun], classifier: str) -> SeedSpread:
    correct = [run.correct[classifier] for run in runs]
    return measure_seed_spread(
        [
            Run(run.split_seed, run.training_seed, list(by_file), np.array(list(by_file.values())))
            for run, by_file in zip(runs, correct, strict=True)
        ]
    )


def _list_accuracies(runs: Sequence[SeedRun], classifier: str) -> list[dict[str, float]]:
    return [
        {
            "split_seed": run.split_seed,
            "training_seed": run.training_seed,
            "accuracy": sum(run.correct[classifier].values()) / len(run.correct[classifier]),
        }
        for run in runs
    ]


def current_findings(
    content: Mapping[str, Any],
    parameters: Mapping[str, Mapping[str, Any]],
    accuracies: Mapping[str, float],
) -> dict[str, dict[str, Any]]:
    """Select the findings that belong to the results of the workspace.

    The findings of a classifier belong to the workspace in two conditions. All parameters that the classifier depends
    on are equal, except for the seeds that were varied. And the run with the seeds of the workspace had the accuracy of
    the workspace, which would differ after a change of code or images.

    Args:
        content: of metrics/seeds.json, see eurosat_transfer.commands.seeds. Empty if the command has never run.
        parameters: of the workspace, {section: {parameter: value}}.
        accuracies: by classifier, the test accuracy in the workspace.

    Returns:
        By classifier, the findings that are current.
    """
    recorded = content.get("parameters", {})
    return {
        name: content[name]
        for name, accuracy in accuracies.items()
        if name in content
        and relevant_parameters(recorded, name) == relevant_parameters(parameters, name)
        and _accuracy_with_seeds_of(parameters, name, content[name]["accuracies"]) == accuracy
    }


def relevant_parameters(parameters: Mapping[str, Mapping[str, Any]], classifier: str) -> dict[str, dict[str, Any]]:
    """Select the parameters that may change the accuracy of a classifier, without those that the command seeds varies.

    Args:
        parameters: {section: {parameter: value}}.
        classifier: its name, which is also that of its section.

    Returns:
        The same format.
    """
    varied = {SPLIT_SEED, (classifier, "seed")}
    return {
        section: {key: value for key, value in parameters.get(section, {}).items() if (section, key) not in varied}
        for section in (*SHARED_SECTIONS, classifier)
    }


def _accuracy_with_seeds_of(
    parameters: Mapping[str, Mapping[str, Any]], classifier: str, runs: list[dict[str, Any]]
) -> float | None:
    """Find the accuracy of the run with the seeds of the workspace, or None if there is no such run."""
    section = parameters[classifier]
    for run in runs:
        same_training = not has_random_training(section) or run["training_seed"] == section["seed"]
        if run["split_seed"] == parameters["split"]["seed"] and same_training:
            return float(run["accuracy"])
    return None
