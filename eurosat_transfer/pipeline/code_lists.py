"""Which code the result of a stage comes from.

The stage code_lists writes a list for each stage, and the stage depends on its list. So a stage runs again when code
that it uses changes. dvc.yaml and dvc.lock do not name the files, because DVC reads these two again for every stage.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from eurosat_transfer.io.hashing import md5

if TYPE_CHECKING:
    import grimp

STAGE = "code_lists"
FOLDER = Path("data/code_lists")
PACKAGES = ("eurosat_transfer", "stages")
# How stages start and read their parameters, the error that they raise, and the settings of other projects that they
# remove: none of this changes a result.
WITHOUT_EFFECT = (
    "eurosat_transfer.pipeline",
    "eurosat_transfer.parameters",
    "eurosat_transfer.errors",
    "eurosat_transfer.environment",
)


def build_graph() -> "grimp.ImportGraph":
    """Find the imports of the package and of the stages, without the modules that change no result.

    Those modules are removed first, so that what only they import is no dependency either.
    """
    import grimp  # most processes read a list, and do not need it

    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    for module in sorted(graph.modules):
        if module.startswith(WITHOUT_EFFECT):
            graph.remove_module(module)
    return graph


def code_of(stage: str, graph: "grimp.ImportGraph") -> dict[Path, str]:
    """Find the files that a stage's result comes from: its script, and what it imports, directly or not.

    Args:
        stage: name of the stage.
        graph: imports of the package and of the stages.

    Returns:
        By path, relative to the repository and sorted: the MD5 sum.
    """
    modules = {f"stages.{stage}", *graph.find_upstream_modules(f"stages.{stage}")}
    files = (Path(*name.split(".")).with_suffix(".py") for name in modules)
    # The __init__.py of a package is left out: it prepares the process, and changes no result.
    return {file: md5(file) for file in sorted(files) if file.exists()}


def current_code(stage: str) -> dict[Path, str]:
    """Find the same, without a search if the list of the stage is up to date.

    Args:
        stage: name of the stage.
    """
    listed = _read_list(stage)
    # While the listed files are the same, so are their imports.
    return listed if listed and not changed_code(stage) else code_of(stage, build_graph())


def changed_code(stage: str) -> list[Path]:
    """Find the files in the list of a stage that have changed since it was written, or are gone.

    Args:
        stage: name of the stage.

    Returns:
        Their paths. Empty if the stage has no list.
    """
    return [file for file, md5_sum in _read_list(stage).items() if not file.is_file() or md5(file) != md5_sum]


def _read_list(stage: str) -> dict[Path, str]:
    path = list_of(stage)
    return parse_list(path.read_text(encoding="utf-8")) if path.exists() else {}


def list_of(stage: str) -> Path:
    """Name the file with the list of a stage."""
    return FOLDER / f"{stage}.txt"


def format_list(files: Mapping[Path, str]) -> str:
    """Format a list as the program md5sum does.

    Args:
        files: MD5 sums by path.
    """
    return "".join(f"{md5_sum}  {file.as_posix()}\n" for file, md5_sum in files.items())


def parse_list(text: str) -> dict[Path, str]:
    """Read what format_list returns.

    Returns:
        The MD5 sum of each file. A line of another form, such as a mark of a merge conflict, becomes the name of a file
        that does not exist.
    """
    parts = (line.partition("  ") for line in text.splitlines())
    return {Path(file or line): line for line, _, file in parts}
