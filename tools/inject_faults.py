"""Check that the tests notice faults in the code that trains and applies classifiers.

    python -m tools.inject_faults                 inject every fault, one after the other
    python -m tools.inject_faults --only NAME     only the faults whose names contain NAME
    python -m tools.inject_faults --list          print the faults

Each fault of tools/faults.py is written to a temporary copy of the repository, and the tests that
should notice it run there. A fault is killed if a test fails, and survives if all tests pass. The
exit status is 1 if a fault survives.

Mutation testers mutate every line and run all tests for each mutant. With TensorFlow this takes too
long, so these faults are written by hand.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from tools.faults import FAULTS, Fault

REPOSITORY = Path(__file__).parents[1]
TIMEOUT = 1800  # seconds for all tests without a fault, and for those of one fault
OUTPUT = 3000  # characters of pytest's output that a message has
LEFT_OUT = ("bundle/", "docs/", "metrics/", "plots/", "report/")
TESTS_PASSED, TESTS_FAILED = 0, 1  # pytest's exit status; all others mean that the tests did not run


class InjectionError(Exception):
    """A fault cannot be injected, or its tests cannot run."""


def copy_repository(source: Path, target: Path) -> None:
    """Copy the files that Git does not ignore, without results.

    Args:
        source: root of the repository.
        target: a folder, which is created.
    """
    command = ["git", "ls-files", "-co", "--exclude-standard"]
    listed = subprocess.run(command, cwd=source, check=True, capture_output=True, text=True)
    for name in listed.stdout.splitlines():
        if not name.startswith(LEFT_OUT) and (source / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source / name, target / name)


def inject(fault: Fault, folder: Path) -> str:
    """Write a fault into its file.

    Args:
        fault: the fault.
        folder: root of a copy of the repository.

    Returns:
        The content of the file before.

    Raises:
        InjectionError: the file does not contain the old text exactly once, or the new text is the same.
    """
    path = folder / fault.file
    before = path.read_text(encoding="utf-8") if path.is_file() else ""
    if (found := before.count(fault.old)) != 1 or fault.old == fault.new:
        raise InjectionError(
            f"{fault.name}: {fault.file} contains the old text {found} times; allowed: once, with another new text. "
            "The code has changed: adapt tools/faults.py"
        )
    path.write_text(before.replace(fault.old, fault.new), encoding="utf-8")
    return before


def run_tests(tests: Iterable[str], folder: Path) -> str | None:
    """Run tests in a copy of the repository.

    Args:
        tests: arguments of pytest.
        folder: root of the copy.

    Returns:
        None if all tests passed. Otherwise the end of pytest's output. Tests that run for too long have failed.

    Raises:
        InjectionError: pytest could not run the tests, for example because a test does not exist any more.
    """
    command = [sys.executable, "-m", "pytest", "-n", "0", "-x", "-q", "-p", "no:cacheprovider", *tests]
    environment = os.environ | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=TIMEOUT
        )
    except subprocess.TimeoutExpired:
        return f"not finished after {TIMEOUT} s"
    output = (done.stdout + done.stderr)[-OUTPUT:]
    if done.returncode not in (TESTS_PASSED, TESTS_FAILED):
        raise InjectionError(f"{' '.join(tests)}: the tests cannot run: {output}")
    return None if done.returncode == TESTS_PASSED else output


def survivors(faults: Iterable[Fault], source: Path = REPOSITORY) -> list[Fault]:
    """Inject faults one after the other, and print for each of them whether a test noticed it.

    Args:
        faults: the faults.
        source: root of the repository, which is not changed.

    Returns:
        The faults that no test noticed.

    Raises:
        InjectionError: a fault cannot be injected, its tests cannot run, or they fail without the fault, too.
    """
    faults = list(faults)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "copy"
        copy_repository(source, folder)
        tests = list(dict.fromkeys(test for fault in faults for test in fault.tests))
        print(f"running {len(tests)} tests without a fault", flush=True)
        if (output := run_tests(tests, folder)) is not None:
            raise InjectionError(f"a test fails without a fault, too; repair it first: {output}")
        survived = []
        for number, fault in enumerate(faults, 1):
            before = inject(fault, folder)
            killed = run_tests(fault.tests, folder) is not None
            (folder / fault.file).write_text(before, encoding="utf-8")
            print(f"{number}/{len(faults)} {'killed' if killed else 'SURVIVED'}: {fault.name}", flush=True)
            if not killed:
                survived.append(fault)
    return survived


def main() -> None:
    """Inject the faults that the command line selects."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="NAME", default="", help="only the faults whose names contain NAME")
    parser.add_argument("--list", action="store_true", help="print the faults and exit")
    options = parser.parse_args()
    faults = [fault for fault in FAULTS if options.only in fault.name]
    if not faults:
        parser.error(f"--only {options.only!r}: no fault has such a name; --list prints all")
    if options.list:
        print(*(f"{fault.name} ({fault.file})" for fault in faults), sep="\n")
        return
    try:
        survived = survivors(faults)
    except InjectionError as error:
        sys.exit(f"error: {error}")
    print(f"{len(faults) - len(survived)} of {len(faults)} faults killed")
    if survived:
        sys.exit("error: no test notices: " + "; ".join(fault.name for fault in survived))


if __name__ == "__main__":
    main()
