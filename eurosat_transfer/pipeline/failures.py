"""One line for an exception that ends a stage or a command."""

import os
import re
import sys
import tempfile
import traceback
from pathlib import Path
from types import TracebackType

from eurosat_transfer.errors import UserError
from eurosat_transfer.pipeline.workspace import repository_root

LONGEST = 1000  # characters of an exception's own text that are shown; TensorFlow's can have pages
KEPT = 20  # tracebacks of each stage and command
INTERRUPTED = 130  # the exit status that shells report for a process that Ctrl-C has ended


def describe_failure(work: str, error: BaseException) -> str:
    """Describe an exception in one line, and write its full traceback to a file that is no output.

    The traceback is printed instead if it cannot be written. It is left out if the system refuses, for example because
    the disk is full: then the line says everything.

    Args:
        work: what was being done, such as "stage svm".
        error: what ended it.

    Returns:
        "error: " and, for a UserError, its message. For others: what was being done, the exception's own text, and the
        file.
    """
    if isinstance(error, UserError):
        return f"error: {_one_line(str(error))}"
    of_system = isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno is not None)
    try:
        path = _write_traceback(work, error)
        shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
        place = f"; full traceback: {shown}"
    except OSError:
        place = ""
        if not of_system:
            traceback.print_exception(error)
            place = "; full traceback: above"
    return f"error: {work} failed: {_shorten(_one_line(_own_text(error)))}{place}"


def report_failures(work: str) -> None:
    """Let exceptions that nobody catches end this process with one line, and Ctrl-C without one.

    Args:
        work: what the process does, such as "stage svm".
    """

    def report(_: type[BaseException], error: BaseException, __: TracebackType | None) -> None:
        if not isinstance(error, KeyboardInterrupt):
            print(describe_failure(work, error), file=sys.stderr)

    sys.excepthook = report


def _own_text(error: BaseException) -> str:
    if isinstance(error, OSError) and error.errno is not None:
        where = "" if error.filename is None else f"{error.filename}: "
        return f"{where}{error.strerror or error}"
    if isinstance(error, MemoryError):
        return f"not enough memory: {error}"
    return "".join(traceback.format_exception_only(error))


def _one_line(text: str) -> str:
    without_colours = re.sub(r"\x1b\[[\d;]*m", "", text)  # Ray's texts have them
    return " ".join("".join(c if c.isprintable() else " " for c in without_colours).split())


def _shorten(text: str) -> str:
    """Leave out the middle of a long text: TensorFlow has the cause at either end."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]} [...] {text[-LONGEST // 2 :]}"


def _write_traceback(work: str, error: BaseException) -> Path:
    """Write the traceback to DVC's folder for temporary files, or to that of the system outside a repository.

    The repository is that of the user, also in the temporary workspace of an experiment, which DVC deletes.
    """
    root = repository_root()
    folder = root / ".dvc/tmp/tracebacks" if (root / ".dvc").is_dir() else Path(tempfile.gettempdir())
    folder.mkdir(parents=True, exist_ok=True)
    name = work.replace(" ", "-")
    path = folder / f"{name}-{os.getpid()}.txt"
    try:
        path.write_text("".join(traceback.format_exception(error)), encoding="utf-8", errors="backslashreplace")
    except OSError:
        path.unlink(missing_ok=True)
        raise
    for old in sorted(folder.glob(f"{name}-*.txt"), key=lambda file: file.stat().st_mtime)[:-KEPT]:
        old.unlink(missing_ok=True)
    return path
