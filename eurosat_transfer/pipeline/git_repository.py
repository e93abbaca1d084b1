"""Whether DVC can keep experiments in the Git repository."""

import os
import subprocess
from pathlib import Path

from eurosat_transfer.errors import UserError


def check_git(folder: Path) -> None:
    """Check that a folder is in a Git repository which Git accepts.

    Args:
        folder: in the working tree.

    Raises:
        UserError: Git is not installed, there is no repository, or it belongs to a user whom Git does not trust.

    Source: https://git-scm.com/docs/git-config#Documentation/git-config.txt-safedirectory
    """
    try:
        checked = _run_git(folder, "rev-parse", "--show-toplevel")
    except FileNotFoundError:
        raise UserError("Git is not installed, and DVC keeps experiments in Git") from None
    if "dubious ownership" in checked.stderr:
        advice = checked.stderr.splitlines()[-1].strip()
        raise UserError(f"Git refuses {folder}, which belongs to another user; if you trust its files, run `{advice}`")
    if checked.returncode:
        raise UserError(
            f"{folder} is in no Git repository, and DVC keeps experiments in Git: clone the repository with Git. "
            "Without Git, `dvc repro` needs the setting core.no_scm: `dvc config --local core.no_scm true`"
        )


def check_experiments_are_kept(folder: Path) -> None:
    """Check that the repository of a folder can keep the experiments that run beside the working tree.

    DVC runs such an experiment in a new repository, to which it pushes the commit. In a shallow clone, the commit lacks
    its history. DVC then runs all stages, loses the experiment and reports success. In a partial clone, DVC misses
    objects, because it does not fetch them.

    Args:
        folder: in the working tree.

    Raises:
        UserError: as check_git, or because the clone is shallow or partial.

    Source: https://git-scm.com/docs/shallow and https://git-scm.com/docs/partial-clone
    """
    check_git(folder)
    if _run_git(folder, "rev-parse", "--is-shallow-repository").stdout.strip() == "true":
        raise UserError("this clone is shallow, and DVC loses its experiments; first run `git fetch --unshallow`")
    if _run_git(folder, "config", "--get-regexp", r"^remote\..*\.promisor$").stdout:
        raise UserError("this clone is partial, and DVC does not fetch what it lacks; clone again without --filter")


def path_in_git() -> str:
    """Return the path of the current folder in its Git repository, such as "lab/". It is empty for the root."""
    return _run_git(Path.cwd(), "rev-parse", "--show-prefix").stdout.rstrip("\n")


def _run_git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"LC_ALL": "C"}  # English messages
    return subprocess.run(["git", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False)
