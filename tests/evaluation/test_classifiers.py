"""Each classifier is complete: CONTRIBUTING.md, "Add a classifier", has the list of its parts."""

import ast
import importlib
import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from conftest import REPOSITORY
from ruamel.yaml import YAML

from eurosat_transfer.evaluation.classifiers import CLASSIFIERS

STAGES = YAML(typ="safe").load(REPOSITORY / "dvc.yaml")["stages"]
PARAMETERS = YAML(typ="safe").load(REPOSITORY / "params.yaml")
FOLDERS = ("eurosat_transfer", "stages", "tools", "benchmarks", "tests")
CODE = [file for folder in FOLDERS for file in (REPOSITORY / folder).rglob("*.py")]
LIST = REPOSITORY / "eurosat_transfer/evaluation/classifiers.py"
SAVABLE = REPOSITORY / "eurosat_transfer/parameters/model.py"  # a new classifier can be saved once it has a head
every_classifier = pytest.mark.parametrize("name", CLASSIFIERS)


def outputs(stage: str) -> set[str]:
    """Find the files that dvc.yaml lists for a stage, with and without options."""
    listed = [output for key in ("outs", "metrics", "plots") for output in STAGES[stage].get(key, [])]
    return {output if isinstance(output, str) else next(iter(output)) for output in listed}


def imports(script: Path) -> set[str]:
    """Find the modules that a script imports."""
    nodes = list(ast.walk(ast.parse(script.read_text(encoding="utf-8"))))
    found = {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    return found | {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}


@every_classifier
def test_classifier_has_a_stage(name):
    assert (REPOSITORY / f"stages/{name}.py").exists()
    stage = STAGES[name]
    assert stage["cmd"] == f"python -m stages.{name}"
    assert name in stage["params"]
    assert f"data/code_lists/{name}.txt" in stage["deps"]
    assert {f"metrics/{name}.json", f"plots/{name}_predictions.csv", f"plots/{name}_classes.csv"} <= outputs(name)
    assert [next(iter(metrics)) if isinstance(metrics, dict) else metrics for metrics in stage["metrics"]] == [
        f"metrics/{name}.json"
    ]


@every_classifier
def test_classifier_has_a_section_of_parameters(name):
    section = getattr(importlib.import_module(f"eurosat_transfer.parameters.{name}"), name.title().replace("_", ""))
    assert set(section.model_fields) == set(PARAMETERS[name])


@every_classifier
def test_stage_of_the_classifier_takes_the_algorithm_from_the_library(name):
    """Two classifiers can share an algorithm, as svm and pixels do."""
    models = {
        module for module in imports(REPOSITORY / f"stages/{name}.py") if module.startswith("eurosat_transfer.models.")
    }
    assert models
    assert all((REPOSITORY / f"{module.replace('.', '/')}.py").exists() for module in models)


@every_classifier
def test_compare_and_report_depend_on_the_results_of_the_classifier(name):
    assert f"plots/{name}_predictions.csv" in STAGES["compare"]["deps"]
    assert outputs(name) & set(STAGES["report"]["deps"]) >= {
        f"metrics/{name}.json",
        f"plots/{name}_predictions.csv",
        f"plots/{name}_classes.csv",
    }
    assert name in STAGES["report"]["params"]


@every_classifier
def test_classifier_has_a_row_in_the_docs(name):
    pages = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
    row = re.compile(rf"^\|[\s*`]*{name}\b", re.MULTILINE)
    with_row = [page.name for page in pages if row.search(page.read_text(encoding="utf-8"))]
    assert with_row, f"no table in README.md or docs/*.md has a row that starts with {name}"


@every_classifier
def test_classifier_has_a_description(name):
    assert re.fullmatch(r"[^.]{10,90}", CLASSIFIERS[name])


def test_every_stage_with_predictions_is_a_classifier():
    with_predictions = {stage for stage in STAGES if f"plots/{stage}_predictions.csv" in outputs(stage)}
    assert with_predictions == set(CLASSIFIERS)


def items_of(node: ast.AST) -> list[ast.AST]:
    """Return the items of a literal collection or of an import; other nodes have none."""
    match node:
        case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items) | ast.Dict(keys=items):
            return items
        case ast.Import(names=items) | ast.ImportFrom(names=items):
            return items
    return []


def classifiers_among(nodes: Iterable[ast.AST]) -> set[str]:
    """Find the classifiers that strings, variables or imported modules name."""
    named = set()
    for node in nodes:
        match node:
            case ast.Constant(value=str(name)) | ast.Name(id=name) | ast.alias(name=name):
                named.add(name.removeprefix("stages."))
    return named & set(CLASSIFIERS)


def lists_of_classifiers(code: str) -> list[int]:
    """Find the lines of collections and imports that name three or more classifiers.

    Two kinds of them are no lists of all classifiers. A dictionary gives each name a value of its own, as params.yaml
    does; so it must name all classifiers but one to count. And code that also names each of these classifiers outside
    of collections, in the same function or else the same file, treats them one by one.
    """
    function_of = {}
    for function in ast.walk(ast.parse(code)):  # outer functions come first, so the innermost one remains
        if isinstance(function, ast.Module | ast.FunctionDef):
            function_of |= dict.fromkeys(ast.walk(function), function)
    lines = []
    for node, function in function_of.items():
        listed = classifiers_among(items_of(node))
        if len(listed) >= (len(CLASSIFIERS) - 1 if isinstance(node, ast.Dict) else 3):
            nodes = set(ast.walk(function))
            in_collections = {item for each in nodes for item in items_of(each)}
            if not listed <= classifiers_among(nodes - in_collections):
                lines.append(node.lineno)
    return lines


def with_names(code: str) -> str:
    """Replace A, B and C by names of classifiers."""
    names = dict(zip("ABC", CLASSIFIERS, strict=False))
    return re.sub(r"\b[ABC]\b", lambda match: names[match[0]], code)


@pytest.mark.parametrize(
    "code",
    [
        "names = {'A', 'B', 'other', 'C'}",
        "for name in ('A', 'B', 'C'): run(name)",
        "from stages import A, B, other, C",
        "import stages.A, stages.B, stages.C",
        "from stages import compare\nstages = [A, B, C, compare]",
        "def test():\n    run([A, B, C])\ndef other():\n    A(), B(), C()",
        "@parametrize('name', ['A', 'B', 'C'])\ndef test(name): run(name)",
        "ALL_BUT_ONE",
    ],
)
def test_list_of_classifiers_is_found(code):
    all_but_one = str(dict.fromkeys(list(CLASSIFIERS)[1:]))
    assert lists_of_classifiers(with_names(code).replace("ALL_BUT_ONE", all_but_one))


@pytest.mark.parametrize(
    "code",
    [
        "names = {'A', 'B', 'other'}",
        "params = {'A': 1, 'B': 2, 'C': 3}",
        "from stages import A, B, C\nA.main()\nB.main()\nC.main()",
        "found = {name: read(name) for name in ('A', 'B', 'C')}\nassert found['A'] > found['B'] > found['C']",
    ],
)
def test_code_about_single_classifiers_is_allowed(code):
    assert lists_of_classifiers(with_names(code)) == []


def test_nothing_else_lists_the_classifiers():
    """A list of some of the classifiers counts as well: the one that it lacks may be new."""
    lists = [
        f"{file.relative_to(REPOSITORY)}:{line}"
        for file in CODE
        if file not in (LIST, SAVABLE)
        for line in lists_of_classifiers(file.read_text(encoding="utf-8"))
    ]
    assert lists == [], "take the names from eurosat_transfer.evaluation.classifiers"
