"""Keep the dependencies in dvc.yaml that follow from the code.

    python -m tools.dvc_dependencies --fix      write them
    python -m tools.dvc_dependencies --check    exit with status 1 if they are out of date

A stage depends on its own script and on every module that the script imports, directly or not. Modules that change no
result are left out. compare and report also depend on the files of every classifier, and report on every section of
params.yaml, because it prints them all.
"""

import argparse
import io
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import grimp
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedSeq

from eurosat_transfer.evaluation.classifiers import CLASSIFIERS

DVC_YAML, PARAMS_YAML = Path("dvc.yaml"), Path("params.yaml")
PACKAGES = ("eurosat_transfer", "stages")
# How stages start and read their parameters, the error that they raise, and the settings of other projects that they
# remove: none of this changes a result.
WITHOUT_EFFECT = (
    "eurosat_transfer.pipeline",
    "eurosat_transfer.parameters",
    "eurosat_transfer.errors",
    "eurosat_transfer.environment",
)
READ_OF_CLASSIFIERS = {  # of the files that a classifier's stage writes
    "compare": r"metrics/\w+\.json|plots/\w+_(predictions|classes)\.csv",
    "report": r"(metrics|plots)/\w+\.(json|csv)",
}


def build_graph() -> grimp.ImportGraph:
    """Find the imports of the package and of the stages, without the modules that change no result.

    Those modules are removed first, so that what only they import is no dependency either.
    """
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    for module in sorted(graph.modules):
        if module.startswith(WITHOUT_EFFECT):
            graph.remove_module(module)
    return graph


def code_of(stage: str, graph: grimp.ImportGraph) -> list[str]:
    """List the files of the modules that a stage's result comes from.

    Args:
        stage: name of the stage.
        graph: imports of the package and of the stages.

    Returns:
        Paths relative to the repository: the script, and then the modules in alphabetical order.
    """
    files = [Path(*name.split(".")).with_suffix(".py") for name in graph.find_upstream_modules(f"stages.{stage}")]
    return [f"stages/{stage}.py", *sorted(str(file) for file in files if file.exists())]


def files_of_classifiers(stage: str, stages: Mapping[str, Any]) -> list[str]:
    """List the files that a stage reads from the results of all classifiers.

    Args:
        stage: name of the stage.
        stages: the section `stages` of dvc.yaml.

    Returns:
        Paths relative to the repository. The list is empty for stages other than compare and report.
    """
    if stage not in READ_OF_CLASSIFIERS:
        return []
    pattern = READ_OF_CLASSIFIERS[stage]
    return [path for name in CLASSIFIERS for path in _outputs(stages[name]) if re.fullmatch(pattern, path)]


def _outputs(entry: Mapping[str, Any]) -> list[str]:
    outputs = [output for key in ("metrics", "plots", "outs") for output in entry.get(key, ())]
    return [output if isinstance(output, str) else next(iter(output)) for output in outputs]


def update(stage: str, stages: Mapping[str, Any], graph: grimp.ImportGraph) -> list[str]:
    """Replace those dependencies of a stage that this tool keeps, and leave the others.

    Args:
        stage: name of the stage.
        stages: the section `stages` of dvc.yaml.
        graph: imports of the package and of the stages.
    """
    deps = [str(dep) for dep in stages[stage].get("deps", ())]
    code = [dep for dep in deps if dep.startswith(tuple(f"{package}/" for package in PACKAGES))]
    kept_here = [dep for dep in deps if stage in READ_OF_CLASSIFIERS and _is_of_classifier(dep, deps)]
    data = [dep for dep in deps if dep not in code and dep not in kept_here]
    folders = [dep for dep in code if not dep.endswith(".py")]
    return [*data, *files_of_classifiers(stage, stages), *code_of(stage, graph), *folders]


def _is_of_classifier(path: str, deps: Iterable[str]) -> bool:
    """Tell whether a path is of a classifier, also of one that is gone. Its predictions are among the dependencies."""
    found = (re.fullmatch(r"plots/(\w+)_predictions\.csv", dep) for dep in deps)
    names = {*CLASSIFIERS, *(match[1] for match in found if match)}
    return any(re.fullmatch(rf"(metrics|plots)/{name}(_\w+)?\.(json|csv)", path) for name in names)


def main() -> None:
    """Fix or check dvc.yaml in the current folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--fix", action="store_true", help="write dvc.yaml")
    mode.add_argument("--check", action="store_true", help="only compare")
    arguments = parser.parse_args()
    yaml = YAML()
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width, yaml.preserve_quotes = 120, True
    content = yaml.load(DVC_YAML.read_text(encoding="utf-8"))
    graph = build_graph()
    sections = list(YAML(typ="safe").load(PARAMS_YAML.read_text(encoding="utf-8")))
    stale: dict[str, None] = {}  # each name once, in order
    for name, stage in content["stages"].items():
        deps = update(name, content["stages"], graph)
        if deps != list(stage.get("deps", [])):
            stale[name] = None
            stage["deps"] = CommentedSeq(deps)
        if name == "report" and sections != list(stage["params"]):
            stale[name] = None
            stage["params"] = CommentedSeq(sections)
    if not stale:
        return
    if arguments.check:
        sys.exit(f"dvc.yaml: out of date for {', '.join(stale)}; run `python -m tools.dvc_dependencies --fix`")
    text = io.StringIO()
    yaml.dump(content, text)
    DVC_YAML.write_text(text.getvalue(), encoding="utf-8")
    print(f"dvc.yaml: updated {', '.join(stale)}")


if __name__ == "__main__":
    main()
