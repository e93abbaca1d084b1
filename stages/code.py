"""List the code that each stage's result comes from, so that a stage runs again if its code changes.

Reads   the code of all stages
Writes  data/code: a file for each stage, with the MD5 sum of its script and of every module that it imports
"""

from pathlib import Path

from eurosat_transfer.errors import UserError
from eurosat_transfer.io.atomic import atomic_write
from eurosat_transfer.pipeline.code_lists import FOLDER, build_graph, code_of, format_list, list_of
from eurosat_transfer.pipeline.definition import inputs_of
from eurosat_transfer.pipeline.stage import run_stage


def main() -> None:
    """Run the stage."""
    graph, watched = build_graph(), inputs_of("code")
    stages = sorted({script.stem for script in Path("stages").glob("*.py")} - {"__init__", "code"})
    lists = {list_of(stage): code_of(stage, graph) for stage in stages}
    for file in sorted({file for files in lists.values() for file in files}):
        if not any(file.is_relative_to(path) for path in watched):
            raise UserError(f"dvc.yaml: add {file}, or its folder, to the dependencies of the stage code")
    with atomic_write(FOLDER) as part:
        part.mkdir()
        for path, files in lists.items():
            (part / path.name).write_text(format_list(files), encoding="utf-8")


if __name__ == "__main__":
    run_stage(main, __doc__)
