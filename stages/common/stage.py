"""How a stage is started from the command line, and how it refuses."""

import argparse
import sys
from collections.abc import Callable


class UserError(Exception):
    """A mistake of the user's or of the world's: one line that says what was wrong and what is allowed."""


def run_stage(main: Callable[[], None], doc: str) -> None:
    """Run a stage's main as a program: its docstring is the help, a UserError one line and exit status 1.

    Args:
        main: the stage, without arguments: its parameters are in params.yaml, its files where dvc.yaml says.
        doc: the stage module's docstring.
    """
    argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    try:
        main()
    except UserError as error:
        sys.exit(f"error: {' '.join(str(error).split())}")
    except OSError as error:
        if error.filename is None:
            raise
        sys.exit(f"error: {error.filename}: {error.strerror}")
