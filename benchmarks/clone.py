"""A temporary clone of the working tree, without results and without a cache, to run the pipeline in."""

import functools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ruamel.yaml import YAML

from benchmarks.rounds import REPOSITORY

KEPT = ("metrics/seeds.json",)  # no stage writes it, and the report needs it
LEFT_OUT = ("tests/", "docs/", "metrics/", "plots/", "report/", "bundle/", "dvc.lock")


class Repository:
    """A folder to run commands in."""

    def __init__(self, folder: Path):
        """Set the folder."""
        self.folder = folder

    def run(self, *command: str) -> str:
        """Run a command in the folder. Programs of this interpreter's environment come first.

        Returns:
            Its standard output.

        Raises:
            SystemExit: the command failed.
        """
        done = subprocess.run(command, cwd=self.folder, env=self.environment(), capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"error: {' '.join(command)} failed: {(done.stderr or done.stdout).strip()[-2000:]}")
        return done.stdout

    def environment(self) -> dict[str, str]:
        """Build the variables for a command: a feature cache inside the folder, and a Git identity."""
        who = {
            f"GIT_{who}_{what}": "benchmark@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
        }
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return os.environ | who | {"EUROSAT_TRANSFER_STORE": str(self.folder / ".git/features.sqlite"), "PATH": path}


class Clone(Repository):
    """A new repository with the files of the working tree that Git does not ignore, without results and cache."""

    def __init__(self, folder: Path):
        """Copy the files to an empty folder and commit them."""
        super().__init__(folder)
        listed = subprocess.run(
            ["git", "ls-files", "-co", "--exclude-standard"], cwd=REPOSITORY, check=True, capture_output=True, text=True
        )
        for name in listed.stdout.splitlines():
            if (name in KEPT or not name.startswith(LEFT_OUT)) and (REPOSITORY / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(REPOSITORY / name, folder / name)
        self.commit()

    def commit(self) -> None:
        """Commit all files to Git, because DVC's experiments need a clean working tree."""
        for command in (
            ["git", "init", "-q"],
            ["git", "add", "-A"],
            ["git", "commit", "-qm", "benchmark", "--allow-empty"],
        ):
            self.run(*command)

    def set_params(self, changes: Mapping[str, object]) -> None:
        """Change values in params.yaml, for example {"svm.C": 1}."""
        yaml, path = YAML(), self.folder / "params.yaml"
        params = yaml.load(path)
        for name, value in changes.items():
            *sections, key = name.split(".")
            functools.reduce(lambda section, part: section[part], sections, params)[key] = value
        yaml.dump(params, path)

    def stages(self) -> list[str]:
        """List the names of the stages in the order of dvc.yaml."""
        return list(YAML(typ="safe").load(self.folder / "dvc.yaml")["stages"])


@contextmanager
def temporary_clone(changes: Mapping[str, object] | None = None) -> Iterator[Clone]:
    """Make a clone with changed parameters, and delete it after the block."""
    with tempfile.TemporaryDirectory() as folder:
        clone = Clone(Path(folder))
        clone.set_params(changes or {})
        clone.commit()
        yield clone
