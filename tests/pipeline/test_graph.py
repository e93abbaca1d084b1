"""The graph of dvc.yaml, driven by the real DVC in temporary clones."""

import functools
import hashlib
import json
from pathlib import Path

import pytest
from conftest import REPOSITORY, dvc, run, stages_run, write_params
from ruamel.yaml import YAML

from eurosat_transfer.evaluation.classifiers import CLASSIFIERS
from eurosat_transfer.io.hashing import md5
from eurosat_transfer.pipeline.code_lists import STAGE, build_graph, code_of, format_list, list_of

GRAPH = YAML(typ="safe").load(REPOSITORY / "dvc.yaml")["stages"]
STAGES = list(GRAPH)
ON_FEATURES = {name for name, stage in GRAPH.items() if "data/features.npz" in stage.get("deps", ())}
AFTER_CLASSIFIERS = {"compare", "report"}
MODEL = {"model", "map"}  # of the chosen classifier: in this run, it is svm
CURVES = {"bands_labels", "svm_labels", "probe_labels", "spread_labels"}


@pytest.mark.slow
def test_the_first_run_runs_every_stage(reproduced):
    assert stages_run((reproduced / "first-repro.log").read_text()) == set(STAGES)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"svm.C": 1}, {"svm", "svm_labels", "labels"} | AFTER_CLASSIFIERS | MODEL),
        ({"knn.k": 3}, {"knn", "bands"} | AFTER_CLASSIFIERS),
        ({"pixels.C": 1}, {"pixels"} | AFTER_CLASSIFIERS),
        ({"bands.C": 1}, {"bands", "bands_labels", "labels"} | AFTER_CLASSIFIERS),
        ({"svm.features": ["deep", "bands"]}, {"svm", "svm_labels", "labels"} | AFTER_CLASSIFIERS | MODEL),
        ({"tsne.perplexity": 4}, {"tsne", "report"}),
        ({"finetune.lr": 0.01}, {"finetune", "model"} | AFTER_CLASSIFIERS),
        ({"probe.C": 3}, {"probe", "probe_labels", "labels"} | AFTER_CLASSIFIERS),
        ({"spread.neighbours": 3}, {"spread", "spread_labels", "labels"} | AFTER_CLASSIFIERS),
        ({"labels.draws": 2}, CURVES | {"labels", "chosen", "report"}),
        ({"model.refit": True}, {"model", "map", "report"}),
        ({"activations.loss": 0.2}, {"activations", "report"}),
        (
            {"backbone.seed": 1},
            {"backbone", "extract", "finetune"} | ON_FEATURES | {"labels"} | AFTER_CLASSIFIERS | MODEL,
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_a_parameter_reruns_exactly_the_stages_it_changes(reproduced, change, expected):
    write_params(reproduced, **change)
    assert stages_run(dvc(reproduced, "repro")) == expected


@pytest.mark.slow
def test_another_split_reruns_what_depends_on_it_and_its_value_before_reruns_nothing(reproduced):
    lock = (reproduced / "dvc.lock").read_bytes()
    write_params(reproduced, **{"split.train": 50})
    changed = {"split", "extract", "bands_labels", "labels"} | set(CLASSIFIERS) | ON_FEATURES
    assert stages_run(dvc(reproduced, "repro")) == changed | AFTER_CLASSIFIERS | MODEL
    write_params(reproduced)
    assert stages_run(dvc(reproduced, "repro")) == set()
    assert (reproduced / "dvc.lock").read_bytes() == lock


@pytest.mark.slow
def test_an_experiment_reruns_fine_tuning_and_can_be_compared(reproduced):
    assert stages_run(dvc(reproduced, "exp", "run", "-n", "trial", "-S", "finetune.lr=0.02")) == {
        "finetune",
        "model",
        *AFTER_CLASSIFIERS,
    }
    assert "finetune.lr" in dvc(reproduced, "params", "diff")
    assert "metrics/finetune.json" in dvc(reproduced, "metrics", "diff", "--all")
    assert "trial" in dvc(reproduced, "exp", "show", "--csv")
    table = dvc(reproduced, "metrics", "show")
    assert [line.split()[0] for line in table.splitlines()[1:]] == [f"metrics/{name}.json" for name in CLASSIFIERS]
    for command in (["show"], ["diff", "HEAD"]):
        dvc(reproduced, "plots", *command, "-o", "page")
        page = (reproduced / "page/index.html").read_text(encoding="utf-8")
        assert all(word in page for word in ("finetune: confusion on test", "SeaLake", "val_accuracy", "tsne"))
    write_params(reproduced)  # an experiment leaves its values in the working tree
    assert stages_run(dvc(reproduced, "repro")) == set()


@pytest.mark.slow
def test_a_mistyped_parameter_stops_its_stage_by_name(reproduced):
    params = reproduced / "params.yaml"
    params.write_text(params.read_text().replace("finetune:", "finetune:\n  learning_rate: 1", 1))
    result = run("dvc", "repro", cwd=reproduced)
    write_params(reproduced)
    assert result.returncode != 0
    assert "finetune.learning_rate is not a parameter" in result.stderr
    assert stages_run(result.stdout) == {"finetune"}
    assert stages_run(dvc(reproduced, "repro")) == set()  # the earlier results are restored
    assert (reproduced / "metrics/finetune.json").exists()


def md5_of_code(path: Path) -> str:
    """Compute DVC's MD5 sum of a file, or of the files of a folder that Git knows."""
    if path.is_file():
        return md5(path)
    known = run("git", "ls-files", ".", cwd=path).stdout.splitlines()
    listed = [{"md5": md5(path / name), "relpath": name} for name in sorted(known)]
    return hashlib.md5(json.dumps(listed, sort_keys=True).encode()).hexdigest() + ".dir"


def test_the_committed_lock_fits_the_committed_code(monkeypatch):
    lock = YAML(typ="safe").load(REPOSITORY / "dvc.lock")["stages"]
    assert set(lock) == set(STAGES)
    params = YAML(typ="safe").load(REPOSITORY / "params.yaml")
    imports = build_graph()
    monkeypatch.chdir(REPOSITORY)
    for name, stage in lock.items():
        now = {path.as_posix(): md5_of_code(path) for path in map(Path, GRAPH[name].get("deps", ())) if path.exists()}
        if name != STAGE:
            listed = format_list(code_of(name, imports))
            assert list_of(name).read_text(encoding="utf-8") == listed
        for dep in stage.get("deps", []):
            if dep["path"].startswith(("stages", "eurosat_transfer", "data/code_lists")):
                assert now[dep["path"]] == dep["md5"], f"{name}: {dep['path']} has changed since"
        for key, value in stage.get("params", {}).get("params.yaml", {}).items():
            assert functools.reduce(lambda section, part: section[part], key.split("."), params) == value


@pytest.mark.slow
def test_naming_a_classifier_reruns_compare_and_report_only(reproduced):
    module = reproduced / "eurosat_transfer/evaluation/classifiers.py"
    module.write_text(module.read_text() + "# one more\n")
    assert stages_run(dvc(reproduced, "repro")) == {STAGE} | AFTER_CLASSIFIERS
