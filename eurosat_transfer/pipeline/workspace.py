"""In which working folder and for which DVC repository a stage runs."""

import os
from pathlib import Path

EXPERIMENTS = Path(".dvc/tmp/exps")  # in a repository: the temporary workspaces of `dvc exp run --temp` and of queues


def workspace_root() -> Path:
    """Find the root of the DVC repository that the current folder is in.

    In a temporary workspace, this is the root of the workspace. In a repository of several projects, it can be a parent
    of this project's folder.

    Returns:
        The nearest folder with a folder `.dvc`, or the current folder if there is none.

    Source: https://dvc.org/doc/command-reference/root
    """
    here = Path.cwd().resolve()
    return next((folder for folder in (here, *here.parents) if (folder / ".dvc").is_dir()), here)


def repository_root() -> Path:
    """Find the repository that this run belongs to.

    DVC sets DVC_ROOT for each stage. In the temporary workspace of an experiment it names the repository in which the
    experiment was started. If a stage of an outer pipeline has started DVC here, it names the outer repository. So it
    counts in a temporary workspace only.

    Returns:
        The root of the repository, or the current folder outside of a DVC repository.

    Source: https://dvc.org/doc/user-guide/env and https://github.com/treeverse/dvc/pull/9918
    """
    workspace = workspace_root()
    named = Path(os.environ.get("DVC_ROOT", workspace)).resolve()
    return named if workspace.is_relative_to(named / EXPERIMENTS) else workspace


def is_temporary() -> bool:
    """Check whether this run works in a temporary workspace of its repository."""
    return workspace_root() != repository_root()


def has_hardlink_locks() -> bool:
    """Check whether DVC's settings ask for locks that work on a file system without flock.

    Returns:
        The setting core.hardlink_lock of the repository, of the user or of the machine.

    Source: https://dvc.org/doc/user-guide/project-structure/configuration#core
    """
    from dvc.config import Config  # type: ignore[import-untyped]  # slow to load

    return bool(Config(str(repository_root() / ".dvc"))["core"]["hardlink_lock"])
