"""Which code the result of a stage comes from.

The stage `code` writes a list for each stage, and the stage depends on its list. So a stage runs again when code that
it uses changes. dvc.yaml and dvc.lock do not name the files, because DVC reads these two again for every stage.
"""

from collections.abc import Iterable
from pathlib import Path

import grimp

from eurosat_transfer.io.hashing import md5

FOLDER = Path("data/code")
PACKAGES = ("eurosat_transfer", "stages")
# How stages start and read their parameters, the error that they raise, and the settings of other projects that they
# remove: none of this changes a result.
WITHOUT_EFFECT = (
    "eurosat_transfer.pipeline",
    "eurosat_transfer.parameters",
    "eurosat_transfer.errors",
    "eurosat_transfer.environment",
)


def build_graph() -> grimp.ImportGraph:
    """Find the imports of the package and of the stages, without the modules that change no result.

    Those modules are removed first, so that what only they import is no dependency either.
    """
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    for module in sorted(graph.modules):
        if module.startswith(WITHOUT_EFFECT):
            graph.remove_module(module)
    return graph


def code_of(stage: str, graph: grimp.ImportGraph) -> list[Path]:
    """Find the modules that a stage's result comes from: its script, and what it imports, directly or not.

    Args:
        stage: name of the stage.
        graph: imports of the package and of the stages.

    Returns:
        Paths relative to the repository, sorted.
    """
    modules = {f"stages.{stage}", *graph.find_upstream_modules(f"stages.{stage}")}
    files = (Path(*name.split(".")).with_suffix(".py") for name in modules)
    return sorted(file for file in files if file.exists())  # a folder without a file of its own is a module too


def list_of(stage: str) -> Path:
    """Name the file with the list of a stage."""
    return FOLDER / f"{stage}.txt"


def format_list(files: Iterable[Path]) -> str:
    """List files with the MD5 sums of their content, as the program md5sum does.

    Args:
        files: paths relative to the repository.
    """
    return "".join(f"{md5(file)}  {file.as_posix()}\n" for file in files)


def parse_list(text: str) -> dict[Path, str]:
    """Read what format_list returns.

    Returns:
        The MD5 sum of each file.
    """
    pairs = (line.split("  ", 1) for line in text.splitlines())
    return {Path(file): md5_sum for md5_sum, file in pairs}
