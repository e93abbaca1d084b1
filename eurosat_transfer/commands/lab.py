"""Run the settings of the university lab as the DVC experiment "lab", and compare its accuracies.

    python -m eurosat_transfer lab
    python -m eurosat_transfer lab -S data.name=eurosat -S backbone.name=resnet50

The lab does not preprocess the images. It trains SVC(C=10), then one dense layer by SGD with a
learning rate of 0.1 for 20 epochs. It fine-tunes all layers by SGD with a learning rate of 0.01 for
10 epochs. docs/lab.md explains each step. The experiment runs beside the working tree, which stays
as it is, and replaces an earlier experiment "lab".
"""

import argparse
import shlex
from collections.abc import Mapping
from pathlib import Path

from eurosat_transfer.commands.experiments import (
    SET_PARAM_HELP,
    check_that_none_is_set,
    experiment_arguments,
    run_experiment,
)

EXPERIMENT = "lab"

# All of the lab's choices, also those that are the defaults of params.yaml, because users change that file.
SETTINGS = {
    "split.by": "order",  # train comes from the first half of the data set, test from the second
    "split.folds": "1",
    "split.contradictions": "keep",  # the lab does not look for copies
    "split.unlabelled": "none",  # the lab learns from labelled images only
    "extract.preprocess": "false",  # the lab resizes the images and does nothing else; finetune uses this value too
    "svm.features": "[deep]",
    "svm.kernel": "rbf",  # the default of scikit-learn's SVC
    "svm.C": "10",
    "probe.solver": "sgd",
    "probe.lr": "0.1",
    "probe.batch_size": "32",
    "probe.epochs": "20",
    "finetune.start": "pretrained",
    "finetune.trainable": "all",
    "finetune.head_epochs": "0",  # all layers learn from the first step
    "finetune.epochs": "10",
    "finetune.batch_size": "32",
    "finetune.precision": "float32",
    "finetune.optimizer": "sgd",
    "finetune.lr": "0.01",
    "finetune.momentum": "0.9",
    "finetune.weight_decay": "0",
    "finetune.schedule": "constant",
    "finetune.warmup_epochs": "0",
    "finetune.clipnorm": "null",
    "finetune.augment": "false",
    "finetune.dropout": "0",
    "finetune.batchnorm": "train",
    "finetune.batchnorm_momentum": "null",  # the network's own
    "finetune.test_turns": "false",
    "finetune.refit": "false",
    "finetune.unlabelled": "none",
}
COMPARE = """To compare test accuracies and parameters:
    python -m eurosat_transfer experiments
To list the parameters that differ:
    dvc params diff lab"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    parser.add_argument("-S", "--set-param", action="append", default=[], metavar="KEY=VALUE", help=SET_PARAM_HELP)
    parser.add_argument("--dry-run", action="store_true", help="print the command of DVC and do not run it")


def run(arguments: argparse.Namespace) -> None:
    """Run the experiment and print its test accuracies beside those of the workspace.

    Args:
        arguments: set_param and dry_run.

    Raises:
        UserError: a setting contradicts the lab, or the run failed.
    """
    check_that_none_is_set(arguments.set_param, SETTINGS, "the lab's settings have a value for this parameter")
    settings = [*(f"{key}={value}" for key, value in SETTINGS.items()), *arguments.set_param]
    if arguments.dry_run:
        print(format_command(experiment_arguments(EXPERIMENT, settings)))
        return
    of_lab = run_experiment(EXPERIMENT, settings)
    print(f"\n{format_comparison(of_lab, read_workspace_accuracies(of_lab))}")
    if arguments.set_param:
        extra = " ".join(f"-S {shlex.quote(setting)}" for setting in arguments.set_param)
        print(f"\nOnly the lab's run has {extra}. The workspace has its own values.")
    print(f"\n{COMPARE}")


def format_command(command: list[str]) -> str:
    """Format a command for a shell, with one option per line.

    Args:
        command: its words. Each "-S" starts a new line.
    """
    return shlex.join(command).replace(" -S ", " \\\n    -S ")


def read_workspace_accuracies(names: Mapping[str, object]) -> dict[str, float | None]:
    """Read the test accuracies in metrics/*.json.

    Args:
        names: the classifiers, as keys.

    Returns:
        By classifier, its accuracy, or None if the workspace has no result that is up to date, or left it out.
    """
    from eurosat_transfer.io.json_files import read_json
    from eurosat_transfer.pipeline.freshness import outdated_outputs

    files = {name: Path(f"metrics/{name}.json") for name in names}
    outdated = outdated_outputs(list(files.values()))
    known = {name for name, path in files.items() if path.exists() and path not in outdated}
    metrics = {name: read_json(path) if name in known else {} for name, path in files.items()}
    return {name: of["test"]["accuracy"] if "test" in of else None for name, of in metrics.items()}


def format_comparison(of_lab: Mapping[str, float], of_workspace: Mapping[str, float | None]) -> str:
    """Format a table of accuracies with one line per classifier.

    Args:
        of_lab: accuracy of each classifier with the lab's settings.
        of_workspace: accuracy of each classifier in the workspace, or None.

    Returns:
        The lines, joined.
    """
    width = max(len("test accuracy"), *map(len, of_lab))
    lines = [f"{'test accuracy':{width}}  lab's settings  workspace"]
    for name, accuracy in of_lab.items():
        other = of_workspace[name]
        lines.append(f"{name:{width}}  {accuracy:14.3f}  {'no result' if other is None else format(other, '9.3f')}")
    return "\n".join(lines)
