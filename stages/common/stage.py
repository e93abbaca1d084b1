"""How a stage is started from the command line, and how it refuses."""

import argparse
import fcntl
import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from stages.common.intact import damaged_outputs, inputs_of
from stages.common.once import once


class UserError(Exception):
    """A mistake of the user's or of the world's: one line that says what was wrong and what is allowed."""


def run_stage(main: Callable[[], None], doc: str) -> None:
    """Run a stage's main as a program: its docstring is the help, a UserError one line and exit status 1.

    Args:
        main: the stage, without arguments: its parameters are in params.yaml, its files where dvc.yaml says.
        doc: the stage module's docstring.
    """
    gc.freeze()
    gc.enable()
    argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    try:
        if "DVC_STAGE" in os.environ:
            _run_for_dvc(main, os.environ["DVC_STAGE"])
        else:
            main()
    except UserError as error:
        sys.exit(f"error: {' '.join(str(error).split())}")
    except OSError as error:
        if error.errno is None:  # not the system's, but somebody's own
            raise
        where = f"{error.filename}: " if error.filename is not None else ""
        print(f"error: {where}{error.strerror or error}", file=sys.stderr)
        _end(1)  # a weights file that found no room makes HDF5 crash when Python ends in its own way
    except MemoryError as error:
        sys.exit(f"error: not enough memory: {error}")
    _end(0)


def _end(status: int) -> NoReturn:
    """End this process at once: to take TensorFlow apart, as Python would, needs most of a second."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(status)


def _run_for_dvc(main: Callable[[], None], stage: str) -> None:
    with alone(stage):
        if damaged := damaged_outputs(inputs_of(stage)):
            names = ", ".join(map(str, damaged))
            raise UserError(f"damaged in DVC's cache: {names}; `python -m stages.mend` takes that away")
        with once(stage) as taken:
            if not taken:
                main()


@contextmanager
def alone(stage: str) -> Iterator[None]:
    """Be the only process of a stage here: end one that has outlived the DVC that started it.

    DVC itself sees to it that no two of its own run a stage at once in a folder. What it runs in a folder of its own, a
    queue's task, has its own .dvc/tmp and is none of this one's business.
    """
    path = Path(f".dvc/tmp/{stage}.pid")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the system lets go of it when this process ends
        except BlockingIOError:
            file.seek(0)
            if left := int(file.read() or 0):  # else it is about to write it
                print(f"process {left} runs this stage still, for a DVC that is no more: it is ended", flush=True)
                os.kill(left, signal.SIGKILL)
            fcntl.flock(file, fcntl.LOCK_EX)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
