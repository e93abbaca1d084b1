"""The graph of dvc.yaml, driven by the real DVC in a temporary clone."""

import ast
import functools
import hashlib
from pathlib import Path

import pytest
from conftest import REPOSITORY, dvc, run, stages_run, write_params
from ruamel.yaml import YAML

pytestmark = pytest.mark.xdist_group("reproduced")
STAGES = ["download", "split", "backbone", "extract", "tsne", "pixels", "knn", "svm", "probe", "finetune"]
STAGES += ["compare", "labels", "activations", "report"]
ON_FEATURES = {"tsne", "knn", "svm", "probe", "labels"}
WHAT_FOLLOWS = {"compare", "report"}  # of every classifier
GRAPH = YAML(typ="safe").load(REPOSITORY / "dvc.yaml")["stages"]


def test_the_first_run_runs_every_stage(reproduced):
    assert stages_run((reproduced / "first-repro.log").read_text()) == set(STAGES)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"svm.C": 1}, {"svm", "labels"} | WHAT_FOLLOWS),
        ({"knn.k": 3}, {"knn"} | WHAT_FOLLOWS),
        ({"pixels.C": 1}, {"pixels"} | WHAT_FOLLOWS),
        ({"tsne.perplexity": 4}, {"tsne", "report"}),
        ({"finetune.lr": 0.01}, {"finetune"} | WHAT_FOLLOWS),
        ({"probe.epochs": 3}, {"probe", "labels"} | WHAT_FOLLOWS),
        ({"labels.draws": 2}, {"labels", "report"}),
        ({"activations.lr": 0.2}, {"activations", "report"}),
        ({"split.train": 50}, {"split", "extract", "finetune", "pixels"} | ON_FEATURES | WHAT_FOLLOWS),
        ({"backbone.name": "mobilenetv2"}, {"backbone", "extract", "finetune"} | ON_FEATURES | WHAT_FOLLOWS),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_a_parameter_reruns_what_it_changes_and_nothing_else(reproduced, change, expected):
    lock = (reproduced / "dvc.lock").read_bytes()
    write_params(reproduced, **change)
    there = stages_run(dvc(reproduced, "repro"))
    write_params(reproduced)
    back = stages_run(dvc(reproduced, "repro"))
    assert (there, back) == (expected, set())
    assert (reproduced / "dvc.lock").read_bytes() == lock


def test_an_experiment_runs_fine_tuning_alone_and_is_compared(reproduced):
    assert stages_run(dvc(reproduced, "exp", "run", "-n", "trial", "-S", "finetune.lr=0.02")) == {
        "finetune",
        *WHAT_FOLLOWS,
    }
    assert "finetune.lr" in dvc(reproduced, "params", "diff")
    assert "metrics/finetune.json" in dvc(reproduced, "metrics", "diff", "--all")
    assert "trial" in dvc(reproduced, "exp", "show", "--csv")
    table = dvc(reproduced, "metrics", "show")
    assert [line.split()[0] for line in table.splitlines()[1:]] == [
        f"metrics/{s}.json" for s in ("pixels", "knn", "svm", "probe", "finetune")
    ]
    for command in (["show"], ["diff", "HEAD"]):
        dvc(reproduced, "plots", *command, "-o", "page")
        page = (reproduced / "page/index.html").read_text(encoding="utf-8")
        assert all(word in page for word in ("finetune: confusion on test", "SeaLake", "val_accuracy", "tsne"))
    write_params(reproduced)  # an experiment changes the working tree
    assert stages_run(dvc(reproduced, "repro")) == set()


def test_forcing_everything_leaves_the_lock_as_it_was(reproduced):
    write_params(reproduced)
    dvc(reproduced, "repro")
    lock = (reproduced / "dvc.lock").read_bytes()
    assert stages_run(dvc(reproduced, "repro", "-f")) == set(STAGES)
    assert (reproduced / "dvc.lock").read_bytes() == lock


def test_a_mistyped_parameter_stops_its_stage_by_name(reproduced):
    params = reproduced / "params.yaml"
    params.write_text(params.read_text().replace("finetune:", "finetune:\n  learning_rate: 1", 1))
    result = run("dvc", "repro", cwd=reproduced)
    write_params(reproduced)
    assert result.returncode != 0
    assert "finetune.learning_rate is not a parameter" in result.stderr
    assert stages_run(result.stdout) == {"finetune"}
    assert stages_run(dvc(reproduced, "repro")) == set()  # and what it had computed before is back
    assert (reproduced / "metrics/finetune.json").exists()


def imports(path):
    """The files under stages/ that a file imports."""
    for node in ast.walk(ast.parse((REPOSITORY / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules = [Path(*alias.name.split(".")) for alias in node.names if alias.name.startswith("stages.")]
            yield from (module.with_suffix(".py") for module in modules)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("stages"):
            module = Path(*node.module.split("."))
            if (REPOSITORY / module).is_dir():
                yield from (module / f"{alias.name}.py" for alias in node.names)
            else:
                yield module.with_suffix(".py")


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_declares_the_code_its_result_comes_from(stage):
    found, waiting = set(), [Path(f"stages/{stage}.py")]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += imports(path)
    plumbing = {Path(f"stages/common/{name}.py") for name in ("params", "stage", "intact", "once", "later")}
    declared = {Path(dep) for dep in GRAPH[stage]["deps"] if dep.startswith("stages/") and dep.endswith(".py")}
    assert declared == found - plumbing
    assert not {path for path in found if path.parent == Path("stages")} - {Path(f"stages/{stage}.py")}


def test_the_committed_lock_is_of_the_committed_graph():
    assert list(GRAPH) == STAGES
    lock = YAML(typ="safe").load(REPOSITORY / "dvc.lock")["stages"]
    assert set(lock) == set(STAGES)
    params = YAML(typ="safe").load(REPOSITORY / "params.yaml")
    for name, stage in lock.items():
        for dep in stage.get("deps", []):
            path = REPOSITORY / dep["path"]
            if dep["path"].startswith("stages/") and path.is_file():
                assert hashlib.md5(path.read_bytes()).hexdigest() == dep["md5"], f"{name}: {path} has changed since"
        for key, value in stage.get("params", {}).get("params.yaml", {}).items():
            assert functools.reduce(lambda section, part: section[part], key.split("."), params) == value
