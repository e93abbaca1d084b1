"""Keep the dependencies of compare and report in dvc.yaml.

    python -m tools.dvc_dependencies --fix      write them
    python -m tools.dvc_dependencies --check    exit with status 1 if they are out of date

Both depend on the files of every classifier. report also depends on every section of params.yaml, because it prints
them all.
"""

import argparse
import io
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedSeq

from eurosat_transfer.evaluation.classifiers import CLASSIFIERS

DVC_YAML, PARAMS_YAML = Path("dvc.yaml"), Path("params.yaml")
READ_OF_CLASSIFIERS = {  # of the files that a classifier's stage writes
    "compare": r"metrics/\w+\.json|plots/\w+_(predictions|classes)\.csv",
    "report": r"(metrics|plots)/\w+\.(json|csv)",
}


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


def update(stage: str, stages: Mapping[str, Any]) -> list[str]:
    """Replace those dependencies of a stage that this tool keeps, and keep the others, which come first.

    Args:
        stage: name of the stage.
        stages: the section `stages` of dvc.yaml.
    """
    deps = [str(dep) for dep in stages[stage].get("deps", ())]
    kept_here = [dep for dep in deps if stage in READ_OF_CLASSIFIERS and _is_of_classifier(dep, deps)]
    return [*(dep for dep in deps if dep not in kept_here), *files_of_classifiers(stage, stages)]


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
    sections = list(YAML(typ="safe").load(PARAMS_YAML.read_text(encoding="utf-8")))
    stale: dict[str, None] = {}  # each name once, in order
    for name, stage in content["stages"].items():
        deps = update(name, content["stages"])
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
