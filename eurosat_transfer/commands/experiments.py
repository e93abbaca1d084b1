"""Runs DVC experiments beside the working tree, for the commands that need them."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from eurosat_transfer.errors import UserError
from eurosat_transfer.evaluation.classifiers import CLASSIFIERS
from eurosat_transfer.evaluation.left_out import LEFT_OUT
from eurosat_transfer.pipeline.git_repository import check_experiments_are_kept, path_in_git

# A value that DVC reads as it is, or one in quotes or brackets.
PLAIN = r"""[\w/.:@%*+|$ -]*|["'\[{].*"""
SET_PARAM_HELP = "another parameter to set, as in `dvc exp run -S`; paths must be absolute"


def experiment_arguments(name: str, settings: Sequence[str], stages: Collection[str] = ()) -> list[str]:
    """Build the command that runs an experiment in a temporary folder.

    Args:
        name: of the experiment.
        settings: "section.key=value" each.
        stages: names of stages: only these run, and what they need. None of them: all stages run.

    Returns:
        The command and its arguments, starting with "dvc".
    """
    set_params = (part for setting in settings for part in ("-S", setting))
    return ["dvc", "exp", "run", "--temp", "--name", name, *set_params, *stages]


def run_experiment(name: str, settings: Sequence[str], stages: Collection[str] = ()) -> dict[str, float]:
    """Run an experiment in place of an earlier one of its name. The working tree stays as it is.

    Args:
        name: of the experiment.
        settings: "section.key=value" each.
        stages: as for experiment_arguments.

    Returns:
        The test accuracy of each classifier, 0 to 1.

    Raises:
        UserError: the repository cannot keep experiments, or the run failed. DVC has printed why.
    """
    check_experiments_are_kept(Path.cwd())
    _run_dvc(["dvc", "exp", "remove", name], quiet=True)  # fails, without harm, if no experiment has this name
    command = experiment_arguments(name, settings, stages)
    if _run_dvc(command):
        raise UserError(f"`{shlex.join(command)}` failed; its own message is above{advise_quotes(settings)}")
    return read_test_accuracies(name)


def advise_quotes(settings: Sequence[str]) -> str:
    """Say how to write settings that DVC may not have understood, because of a character that has a meaning for it.

    Args:
        settings: "section.key=value" each.

    Returns:
        The end of a message, or "" if all settings are plain.

    Source: https://hydra.cc/docs/advanced/override_grammar/basic/
    """
    pairs = [setting.partition("=") for setting in settings]
    odd = [(key, value) for key, _, value in pairs if not re.fullmatch(PLAIN, value, re.ASCII)]
    escaped = [(key, value.replace('"', '\\"')) for key, value in odd]
    quoted = [shlex.quote(f'{key}="{value}"') for key, value in escaped]
    return f"; put a path in two pairs of quotes: {' '.join(f'-S {setting}' for setting in quoted)}" if quoted else ""


def read_test_accuracies(experiment: str) -> dict[str, float]:
    """Read the results of an experiment, without changing the working tree.

    Args:
        experiment: its name, or any revision of Git.

    Returns:
        The test accuracy of each classifier that has results, 0 to 1.
    """
    read_file = open_experiment(experiment)
    metrics = {name: json.loads(read_file(f"metrics/{name}.json")) for name in CLASSIFIERS}
    return {name: of["test"]["accuracy"] for name, of in metrics.items() if LEFT_OUT not in of}


def open_experiment(experiment: str) -> Callable[[str], bytes]:
    """Open the files of an experiment, those in Git and those in DVC's cache.

    Args:
        experiment: its name, or any revision of Git.

    Returns:
        A function from the path of a file of this project, such as "params.yaml", to its content.

    Raises:
        UserError: DVC has no such experiment.

    Source: https://dvc.org/doc/api-reference/dvcfilesystem
    """
    from dvc.api import DVCFileSystem  # type: ignore[import-untyped]  # slow to load
    from dvc.scm import RevError  # type: ignore[import-untyped]

    # Paths are relative to the root of the Git repository. This project can be a DVC repository in a folder of it.
    files, folder = DVCFileSystem(rev=experiment, subrepos=True), path_in_git()
    try:
        files.exists(f"{folder}dvc.yaml")
    except RevError:
        raise UserError(
            f"DVC has not kept the experiment {experiment}; `dvc exp list` shows those that it has"
        ) from None
    return lambda path: files.read_bytes(f"{folder}{path}")


def check_that_none_is_set(settings: Sequence[str], keys: Collection[str], reason: str) -> None:
    """Check that a user's settings leave certain parameters alone.

    Args:
        settings: of the user, as of `dvc exp run -S`.
        keys: the parameters that the command sets itself.
        reason: why it does so, as a sentence without a full stop.

    Raises:
        UserError: a setting is for one of these parameters.
    """
    for setting in settings:
        if _key(setting) in keys:
            raise UserError(f"-S {setting} is not allowed: {reason}")


def _key(setting: str) -> str:
    """Find the parameter in a setting such as "svm.C=1", "+svm.new=1", "~svm.C" or "params.yaml:svm.C=1"."""
    return setting.partition("=")[0].rpartition(":")[2].lstrip("+~")


def _run_dvc(command: Sequence[str], quiet: bool = False) -> int:
    """Run a DVC command with the DVC of this Python, and return its exit status."""
    sys.stdout.flush()  # so that DVC's lines come after ours
    return subprocess.run([sys.executable, "-m", *command], check=False, capture_output=quiet).returncode
