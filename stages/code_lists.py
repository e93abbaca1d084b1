"""List the code that each stage's result comes from, so that a stage runs again if its code changes.

Reads   the code of all stages
Writes  data/code_lists/NAME.txt: the script of the stage and every module that it imports, with MD5 sums
"""

from eurosat_transfer.errors import UserError
from eurosat_transfer.io.atomic import atomic_write
from eurosat_transfer.pipeline.code_lists import FOLDER, STAGE, build_graph, code_of, format_list, list_of
from eurosat_transfer.pipeline.definition import inputs_of
from eurosat_transfer.pipeline.stage import run_stage


def main() -> None:
    """Run the stage."""
    graph, watched = build_graph(), inputs_of(STAGE)
    stages = sorted(module.removeprefix("stages.") for module in graph.find_children("stages"))
    lists = {stage: code_of(stage, graph) for stage in stages if stage != STAGE}
    for file in sorted({file for files in lists.values() for file in files}):
        if not any(file.is_relative_to(path) for path in watched):
            raise UserError(f"dvc.yaml: add {file}, or its folder, to the dependencies of the stage {STAGE}")
    with atomic_write(FOLDER) as part:
        part.mkdir()
        for stage, files in lists.items():
            (part / list_of(stage).name).write_text(format_list(files), encoding="utf-8")


if __name__ == "__main__":
    run_stage(main, __doc__)
