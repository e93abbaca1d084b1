"""The command line of the package."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import environment, run

from eurosat_transfer import __main__ as command_line
from eurosat_transfer.commands import experiment_table, lab, predict, repair, seeds, suggest, summary, suspects
from eurosat_transfer.errors import UserError

MODULES = {
    "summary": summary,
    "experiments": experiment_table,
    "predict": predict,
    "seeds": seeds,
    "lab": lab,
    "suggest": suggest,
    "suspects": suspects,
    "repair": repair,
}
ARGUMENTS = {"predict": ["tiles"], "seeds": ["3"], "suggest": ["40"]}


@pytest.fixture
def fail(monkeypatch, world):
    """Make `summary` raise an exception, and run the command line."""
    world()

    def run_command(error: BaseException) -> object:
        def raise_error(_arguments):
            raise error

        monkeypatch.setattr(summary, "run", raise_error)
        monkeypatch.setattr(sys, "argv", ["eurosat_transfer"])
        with pytest.raises(SystemExit) as ended:
            command_line.main()
        return ended.value.code

    return run_command


def test_importing_the_command_line_loads_nothing_heavy():
    heavy = ("numpy", "dvc", "ruamel.yaml", "pydantic", "psutil", "tqdm", "tensorflow")
    code = f"import sys, eurosat_transfer.__main__; print([name for name in {heavy} if name in sys.modules])"
    assert run(sys.executable, "-c", code, cwd=Path.cwd()).stdout.strip() == "[]"


def test_the_summary_is_the_default():
    assert command_line.parse_arguments([]).run is summary.run


@pytest.mark.parametrize(("name", "module"), MODULES.items())
def test_each_command_runs_its_module(name, module):
    arguments = [name, *ARGUMENTS.get(name, [])]
    assert command_line.parse_arguments(arguments).run is module.run


def test_help_lists_the_commands_and_fits_100_columns(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "100")
    for arguments in (["--help"], *([name, "--help"] for name in MODULES)):
        with pytest.raises(SystemExit) as ended:
            command_line.parse_arguments(arguments)
        assert ended.value.code == 0
    lines = capsys.readouterr().out.splitlines()
    assert set(MODULES) <= {line.split()[0] for line in lines if line.startswith("    ")}
    assert max(map(len, lines)) <= 100


def test_an_unknown_command_is_a_usage_error(capsys):
    with pytest.raises(SystemExit) as ended:
        command_line.parse_arguments(["mend"])
    assert ended.value.code == 2
    assert "invalid choice: 'mend'" in capsys.readouterr().err


def test_a_folder_without_dvc_yaml_is_an_error(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["eurosat_transfer"])
    with pytest.raises(SystemExit, match="error: dvc.yaml does not exist here; run the command in the root folder"):
        command_line.main()


def test_an_error_of_the_user_gives_a_one_line_message(fail):
    assert fail(UserError("svm.C must be positive")) == "error: svm.C must be positive"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (PermissionError(13, "Permission denied", "metrics/svm.json"), "metrics/svm.json: Permission denied"),
        (OSError("from a\nlibrary"), "OSError: from a library"),
    ],
)
def test_any_other_exception_gives_a_one_line_message(fail, error, text):
    Path(".dvc").mkdir()
    line, _, path = str(fail(error)).partition("; full traceback: ")
    assert line == f"error: command summary failed: {text}"
    assert "Traceback" in Path(path).read_text(encoding="utf-8")


def test_ctrl_c_ends_the_command_without_a_traceback(fail):
    assert fail(KeyboardInterrupt()) == 130


def test_the_command_ends_quietly_if_nobody_reads_its_output(world):
    read, write = os.pipe()
    os.close(read)
    process = subprocess.run(
        [sys.executable, "-m", "eurosat_transfer"],
        cwd=world(),
        env=environment(),
        stdout=write,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(write)
    assert process.stderr == b""
    assert process.returncode != 0
