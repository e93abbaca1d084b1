"""Commands for people: show results and experiments, classify new images, run several seeds, repair the cache.

python -m eurosat_transfer            shows the results, like `python -m eurosat_transfer summary`
python -m eurosat_transfer --help     lists the commands
"""

import argparse
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from eurosat_transfer.environment import prepare_program

prepare_program()  # before the commands load other libraries

from eurosat_transfer.commands import experiment_table, lab, predict, repair, seeds, suggest, summary, suspects  # noqa: E402
from eurosat_transfer.errors import UserError  # noqa: E402
from eurosat_transfer.pipeline.failures import INTERRUPTED, describe_failure  # noqa: E402

# A command's module loads what is slow to import only when the command runs, so that --help answers at once.
COMMANDS = {
    "summary": summary,
    "experiments": experiment_table,
    "predict": predict,
    "suggest": suggest,
    "suspects": suspects,
    "seeds": seeds,
    "lab": lab,
    "repair": repair,
}
WITHOUT_REPOSITORY = (predict,)


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line.

    Args:
        arguments: without the name of the program. None takes those of this process.

    Returns:
        The arguments of the command, its name as `command`, and `run`: its function, which takes all of them.

    Raises:
        SystemExit: after --help, or with status 2 if the arguments are wrong.
    """
    parser = argparse.ArgumentParser(
        prog="python -m eurosat_transfer",
        description="Without a command, it shows the results like `summary`.",
    )
    parser.set_defaults(command="summary", run=summary.run, needs_repository=True)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name, module in COMMANDS.items():
        description = str(module.__doc__)
        command = commands.add_parser(
            name,
            help=description.partition("\n")[0],
            description=description,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(command)
        command.set_defaults(command=name, run=module.run, needs_repository=module not in WITHOUT_REPOSITORY)
    return parser.parse_args(arguments)


def main() -> None:
    """Run the command that the command line names.

    Raises:
        SystemExit: with one line for the user if the command fails. The exit status is then 1.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):  # names of classes and files can have any characters
        sys.stdout.reconfigure(errors="backslashreplace")
    arguments = parse_arguments()
    try:
        if arguments.needs_repository and not Path("dvc.yaml").exists():
            raise UserError("dvc.yaml does not exist here; run the command in the root folder of the repository")
        arguments.run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader, for example `head`, has read enough. Python writes the rest at exit, which would fail again:
        # https://docs.python.org/3/library/signal.html#note-on-sigpipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as error:
        sys.exit(describe_failure(f"command {arguments.command}", error))


if __name__ == "__main__":
    main()
