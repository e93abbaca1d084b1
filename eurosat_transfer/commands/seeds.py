"""Run the pipeline over several seeds, and show the mean and the spread of the test accuracies.

    python -m eurosat_transfer seeds 3
    python -m eurosat_transfer seeds 5 --name eurosat -S data.name=eurosat -S backbone.name=resnet50

It sets split.seed and the seed of every classifier that has one to 0, 1, 2, ... in turn. Stages
that depend on none of these seeds run once. Each run is a DVC experiment, NAME-0, NAME-1, ..., and
replaces an earlier one of that name. It runs beside the working tree, which stays as it is.
"""

import argparse
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from eurosat_transfer.commands.experiments import SET_PARAM_HELP, check_that_none_is_set, run_experiment
from eurosat_transfer.evaluation.classifiers import CLASSIFIERS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    parser.add_argument("count", type=_count, help="number of seeds, 1 or more")
    parser.add_argument("--name", default="seeds", help="prefix of the experiments' names (default: %(default)s)")
    parser.add_argument("-S", "--set-param", action="append", default=[], metavar="KEY=VALUE", help=SET_PARAM_HELP)


def run(arguments: argparse.Namespace) -> None:
    """Run the experiments and print the table of their test accuracies.

    Args:
        arguments: count, name and set_param.

    Raises:
        UserError: a setting is for a seed, params.yaml is not valid, or a run failed.
    """
    from eurosat_transfer.parameters.loading import load_parameters

    keys = find_seeds(load_parameters().as_dict())
    check_that_none_is_set(arguments.set_param, keys, f"this command varies {', '.join(keys)}")
    results = []
    for seed in range(arguments.count):
        settings = [*(f"{key}={seed}" for key in keys), *arguments.set_param]
        results.append(run_experiment(f"{arguments.name}-{seed}", settings))
    print(f"\ntest accuracy\n{format_accuracies(results)}")


def find_seeds(params: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Find the parameters that decide which images are drawn and how classifiers are initialised.

    Args:
        params: {section: {parameter: value}}.

    Returns:
        split.seed, and the seed of every classifier whose section has one.
    """
    return ["split.seed", *(f"{name}.seed" for name in CLASSIFIERS if "seed" in params[name])]


def format_accuracies(results: Sequence[Mapping[str, float]]) -> str:
    """Format a table with one column per classifier, the best one first, and one line per seed.

    Args:
        results: for each seed, from 0 on, the accuracy of each classifier.

    Returns:
        The lines, joined. The last two have the mean and the standard deviation of a sample, which is 0 for one seed.
    """
    columns = {name: [result[name] for result in results] for name in results[0]}
    mean = {name: statistics.mean(values) for name, values in columns.items()}
    sd = {name: statistics.stdev(values) if len(values) > 1 else 0.0 for name, values in columns.items()}
    best_first = sorted(columns, key=lambda name: mean[name], reverse=True)
    width = max(8, *map(len, best_first))
    lines = [f"{'seed':4}" + "".join(f"  {name:>{width}}" for name in best_first)]
    rows = [*((str(seed), result) for seed, result in enumerate(results)), ("mean", mean), ("sd", sd)]
    lines += [f"{label:4}" + "".join(f"  {row[name]:{width}.3f}" for name in best_first) for label, row in rows]
    return "\n".join(lines)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number, 1 or more (found {text!r})")
    return int(text)
