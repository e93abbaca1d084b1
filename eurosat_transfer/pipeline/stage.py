"""Entry point of a stage."""

import argparse
import atexit
import gc
import inspect
import io
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from eurosat_transfer.errors import UserError
from eurosat_transfer.io.locks import SOFT_LOCKS
from eurosat_transfer.pipeline.code_lists import STAGE as CODE_LISTS
from eurosat_transfer.pipeline.code_lists import changed_code
from eurosat_transfer.pipeline.definition import inputs_of
from eurosat_transfer.pipeline.exclusive import run_exclusively
from eurosat_transfer.pipeline.failures import INTERRUPTED, describe_failure
from eurosat_transfer.pipeline.git_repository import check_experiments_are_kept
from eurosat_transfer.pipeline.integrity import damaged_outputs
from eurosat_transfer.pipeline.seconds_log import log_seconds
from eurosat_transfer.pipeline.sharing import computed_once
from eurosat_transfer.pipeline.workspace import has_hardlink_locks, is_temporary, repository_root, workspace_root

REPAIR = "python -m eurosat_transfer repair"


def run_stage(main: Callable[[], None], doc: str) -> None:
    """Run a stage as a program, and return when it has succeeded.

    The only command line option is --help. If DVC has started the program, the stage runs in one process at a time,
    refuses damaged inputs, and takes its outputs from a parallel run that computes the same. A log that is no output
    says how long it took.

    Args:
        main: the stage. It has no arguments: its parameters are in params.yaml, and dvc.yaml names its files.
        doc: docstring of the stage's module, which --help prints.

    Raises:
        SystemExit: after --help, with status 130 after Ctrl-C, or with one line for the user if an exception has ended
            the stage. The exit status is then 1.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):  # names of classes and files can have any characters
        sys.stdout.reconfigure(errors="backslashreplace")
    argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    # At exit Python collects garbage among all objects, which are a million with TensorFlow: that takes 0.7 s.
    # Frozen objects are left out: https://github.com/python/cpython/issues/75739
    atexit.register(gc.freeze)
    try:
        _run(main)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as error:
        sys.exit(describe_failure(f"stage {Path(sys.argv[0]).stem}", error))


def _run(main: Callable[[], None]) -> None:
    stage = Path(inspect.getfile(main)).stem
    if not _is_started_by_dvc(stage):
        main()
        return
    if is_temporary():
        check_experiments_are_kept(repository_root())
    if has_hardlink_locks():
        os.environ[SOFT_LOCKS] = "1"
    with run_exclusively(stage):
        if changed := changed_code(stage):  # DVC would record the result as that of the listed code
            raise UserError(
                f"{changed[0]} has changed since the stage {CODE_LISTS} ran. Run `dvc repro -f -s {CODE_LISTS}`, and "
                "then your command again"
            )
        if damaged := damaged_outputs(inputs_of(stage)):
            names = ", ".join(map(str, damaged))
            raise UserError(f"damaged in DVC's cache: {names}. The content differs from its checksum. Run `{REPAIR}`")
        with computed_once(stage) as taken:
            if not taken:
                start = time.monotonic()
                main()
                log_seconds(stage, time.monotonic() - start)


def _is_started_by_dvc(stage: str) -> bool:
    """Check whether DVC runs a stage of dvc.yaml.

    DVC sets DVC_STAGE to the name of the stage, after the path of dvc.yaml if DVC runs in another folder. Another name
    is that of an outer pipeline, whose stage has started this program.

    Source: https://github.com/treeverse/dvc/pull/10357
    """
    return os.environ.get("DVC_STAGE", "").rpartition(":")[2] == stage and (workspace_root() / ".dvc").is_dir()
