"""Refuses files that a parameter names in a place where DVC deletes them.

DVC deletes the outputs of a stage before it runs the stage, and `dvc exp run` everything in their place even before
that. So this check can only say why a file is gone. That is why no output has a name that invites to keep images there.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from eurosat_transfer.errors import UserError
from eurosat_transfer.io.local_path import to_path
from eurosat_transfer.pipeline.definition import stages_by_output
from eurosat_transfer.pipeline.workspace import is_temporary, repository_root, workspace_root


def check_is_no_output(parameter: str, text: str | None) -> None:
    """Check that a path is no output of a stage, is not inside of one, and is no folder that contains one.

    Paths are compared as files, so that links and other spellings of a path make no difference. In a temporary
    workspace, the outputs of the working tree count too.

    Args:
        parameter: that contains the path.
        text: the path, as the user wrote it. An address and None are fine.

    Raises:
        UserError: the path and an output overlap.
    """
    if not text or text.partition("://")[0].lower() in ("http", "https"):
        return
    path = Path(os.path.abspath(to_path(text, parameter)))  # noqa: PTH100, Path.resolve follows links
    for root in _roots():
        for output, stage in stages_by_output().items():
            if _is_same_or_inside(path, root / output):
                raise UserError(
                    f"{parameter}: {text!r} is in the place of {output}, an output of the stage {stage}; DVC deletes "
                    "outputs before it runs a stage, so keep your files in another place"
                )
            if path.is_dir() and _is_same_or_inside(root / output, path):
                raise UserError(
                    f"{parameter}: {text!r} contains {output}, an output of the stage {stage}; name a folder that has "
                    "only your own files"
                )


def _roots() -> Iterator[Path]:
    """Find the folders in which the stages write: this one, and the one that a temporary workspace is a copy of."""
    yield Path.cwd()
    if is_temporary():
        yield repository_root() / Path.cwd().resolve().relative_to(workspace_root())


def _is_same_or_inside(path: Path, folder: Path) -> bool:
    return any(_is_same(parent, folder) for form in (path, path.resolve()) for parent in (form, *form.parents))


def _is_same(one: Path, other: Path) -> bool:
    return one == other or (one.exists() and other.exists() and one.samefile(other))
