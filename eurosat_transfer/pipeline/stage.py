"""Entry point of a stage."""

import argparse
import atexit
import gc
import io
import os
import sys
import time
from collections.abc import Callable

from eurosat_transfer.errors import UserError
from eurosat_transfer.pipeline.definition import inputs_of
from eurosat_transfer.pipeline.exclusive import run_exclusively
from eurosat_transfer.pipeline.integrity import damaged_outputs
from eurosat_transfer.pipeline.seconds_log import log_seconds
from eurosat_transfer.pipeline.sharing import computed_once

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
        SystemExit: after --help, or with one line for the user: a UserError, an error of the operating system or too
            little memory. The exit status is then 1. All other exceptions pass through.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):  # names of classes and files can have any characters
        sys.stdout.reconfigure(errors="backslashreplace")
    argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    # At exit Python collects garbage among all objects, which are a million with TensorFlow: that takes 0.7 s.
    # Frozen objects are left out: https://github.com/python/cpython/issues/75739
    atexit.register(gc.freeze)
    try:
        _run(main)
    except UserError as error:
        sys.exit(_one_line(error))
    except OSError as error:
        if error.errno is None:  # raised by a library, not by the operating system
            raise
        where = "" if error.filename is None else f"{error.filename}: "
        sys.exit(_one_line(f"{where}{error.strerror or error}"))
    except MemoryError as error:
        sys.exit(_one_line(f"not enough memory: {error}"))


def _one_line(message: object) -> str:
    return f"error: {' '.join(str(message).split())}"


def _run(main: Callable[[], None]) -> None:
    stage = os.environ.get("DVC_STAGE")  # set by DVC: https://github.com/treeverse/dvc/pull/10357
    if stage is None:
        main()
        return
    with run_exclusively(stage):
        if damaged := damaged_outputs(inputs_of(stage)):
            names = ", ".join(map(str, damaged))
            raise UserError(f"damaged in DVC's cache: {names}. The content differs from its checksum. Run `{REPAIR}`")
        with computed_once(stage) as taken:
            if not taken:
                start = time.monotonic()
                main()
                log_seconds(stage, time.monotonic() - start)
