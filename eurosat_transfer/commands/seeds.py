"""Measure how much the test accuracies vary with the split and with the training seed.

    python -m eurosat_transfer seeds 3
    python -m eurosat_transfer seeds 5 --training 1
    python -m eurosat_transfer seeds 3 --name eurosat -S data.name=eurosat -S backbone.name=resnet50

The command draws COUNT splits, with split.seed = 0, 1, 2, ... For each split it trains the
classifiers that have a seed of their own several times (--training), each time with another seed.
Every run has another training seed. Runs of the same split and classifiers without a seed share
their stages, so only the trainings are repeated. Each run is a DVC experiment,
NAME-<split seed>-<training seed>, and replaces an earlier one of that name. It runs beside the
working tree, and has only the classifiers: no label curve, t-SNE, model, map or report.

At the end the command writes metrics/seeds.json. The report shows the findings that belong to its
own parameters and results.
"""

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from eurosat_transfer.commands.experiments import SET_PARAM_HELP, check_that_none_is_set, run_experiment
from eurosat_transfer.evaluation.classifiers import CLASSIFIERS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    parser.add_argument("count", type=_count, help="number of splits, 1 or more")
    parser.add_argument(
        "--training",
        type=_count,
        default=2,
        metavar="COUNT",
        help="number of training seeds for each split (default: %(default)s); with 1, the spread by split and the "
        "spread by training cannot be separated",
    )
    parser.add_argument("--name", default="seeds", help="prefix of the experiments' names (default: %(default)s)")
    parser.add_argument("-S", "--set-param", action="append", default=[], metavar="KEY=VALUE", help=SET_PARAM_HELP)


def run(arguments: argparse.Namespace) -> None:
    """Run the experiments, write what they show, and print it as a table.

    Args:
        arguments: count, training, name and set_param.

    Raises:
        UserError: a setting is for a seed, params.yaml is not valid, or a run failed.
    """
    from eurosat_transfer.commands.experiment_results import read_experiment
    from eurosat_transfer.commands.seed_table import describe_findings
    from eurosat_transfer.evaluation.seed_findings import SEEDS_FILE, SeedRun, summarise_runs
    from eurosat_transfer.io.json_files import write_json
    from eurosat_transfer.parameters.loading import load_parameters

    training_keys = find_training_seeds(load_parameters().as_dict(), arguments.set_param)
    keys = ["split.seed", *training_keys]
    check_that_none_is_set(arguments.set_param, keys, f"this command varies {', '.join(keys)}")
    runs: list[SeedRun] = []
    parameters: dict[str, dict[str, Any]] = {}
    for split_seed, training_seed in choose_seeds(arguments.count, arguments.training):
        experiment = f"{arguments.name}-{split_seed}-{training_seed}"
        seeds = [f"split.seed={split_seed}", *(f"{key}={training_seed}" for key in training_keys)]
        run_experiment(experiment, [*seeds, *arguments.set_param], stages=list(CLASSIFIERS))
        parameters, correct = read_experiment(experiment)
        runs.append(SeedRun(split_seed, training_seed, correct))
    findings = summarise_runs(runs, parameters)
    write_json(SEEDS_FILE, findings)
    print(f"\n{describe_findings(findings)}\n\nwrote {SEEDS_FILE}; `dvc repro` takes it into the report")


def find_training_seeds(params: Mapping[str, Mapping[str, Any]], settings: Sequence[str] = ()) -> list[str]:
    """Find the parameters that decide how classifiers are initialised and in which order they see the images.

    Args:
        params: {section: {parameter: value}}.
        settings: what the user sets on top, "section.key=value" each.

    Returns:
        The seed of every classifier whose result depends on it.
    """
    from eurosat_transfer.evaluation.training_seed import has_random_training

    values = {key: value for key, _, value in (setting.partition("=") for setting in settings)}
    solver = {name: values.get(f"{name}.solver", params[name].get("solver")) for name in CLASSIFIERS}
    return [f"{name}.seed" for name in CLASSIFIERS if has_random_training({**params[name], "solver": solver[name]})]


def choose_seeds(splits: int, trainings: int) -> list[tuple[int, int]]:
    """Choose the seeds of all runs. No two runs have the same training seed, so that their trainings are independent.

    Args:
        splits: number of splits, 1 or more.
        trainings: number of trainings for each split, 1 or more.

    Returns:
        Pairs of a split seed and a training seed. More trainings add pairs and keep the others.
    """
    return [(split, split + splits * training) for split in range(splits) for training in range(trainings)]


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number, 1 or more (found {text!r})")
    return int(text)
