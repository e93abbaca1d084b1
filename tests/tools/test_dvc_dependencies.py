"""The tool that keeps the dependencies of compare and report in dvc.yaml."""

import pytest
from conftest import REPOSITORY, run
from ruamel.yaml import YAML

from tools import dvc_dependencies

GRAPH = YAML(typ="safe").load(REPOSITORY / "dvc.yaml")["stages"]


@pytest.mark.parametrize("stage", GRAPH)
def test_dvc_yaml_is_as_the_tool_writes_it(stage):
    assert dvc_dependencies.update(stage, GRAPH) == GRAPH[stage]["deps"]


def test_other_dependencies_stay():
    deps = ["data/features.npz", "data/code_lists/svm.txt", "eurosat_transfer/reporting/templates"]
    assert dvc_dependencies.update("svm", {"svm": {"deps": deps}}) == deps


def test_files_of_a_classifier_that_is_gone_are_removed(monkeypatch):
    kept = {name: text for name, text in dvc_dependencies.CLASSIFIERS.items() if name != "knn"}
    monkeypatch.setattr(dvc_dependencies, "CLASSIFIERS", kept)
    updated = dvc_dependencies.update("report", GRAPH)
    assert not [dep for dep in updated if "knn" in dep]
    assert set(GRAPH["report"]["deps"]) - set(updated) == {
        "metrics/knn.json",
        "plots/knn_predictions.csv",
        "plots/knn_classes.csv",
    }


def test_a_new_classifier_is_read_by_those_stages_that_read_all(monkeypatch):
    monkeypatch.setattr(dvc_dependencies, "CLASSIFIERS", {**dvc_dependencies.CLASSIFIERS, "newcomer": "discriminants"})
    written = {
        "metrics": [{"metrics/newcomer.json": {"cache": False}}],
        "outs": ["plots/newcomer_classes.csv", "data/newcomer.npz"],
    }
    written["plots"] = [{"plots/newcomer_predictions.csv": {"template": "confusion"}}, "plots/newcomer_history.csv"]
    stages = GRAPH | {"newcomer": written}
    added = {name: set(dvc_dependencies.update(name, stages)) - set(GRAPH[name]["deps"]) for name in GRAPH}
    assert added["compare"] == {
        "metrics/newcomer.json",
        "plots/newcomer_predictions.csv",
        "plots/newcomer_classes.csv",
    }
    assert added["report"] == {
        "metrics/newcomer.json",
        "plots/newcomer_predictions.csv",
        "plots/newcomer_history.csv",
        "plots/newcomer_classes.csv",
    }
    assert not any(found for name, found in added.items() if name not in ("compare", "report"))


@pytest.mark.slow
def test_check_refuses_and_fix_mends(tmp_path):
    for name in ("dvc.yaml", "params.yaml", "eurosat_transfer", "stages", "tools"):
        (tmp_path / name).symlink_to(REPOSITORY / name)
    good = (tmp_path / "dvc.yaml").read_text()
    (tmp_path / "dvc.yaml").unlink()
    (tmp_path / "dvc.yaml").write_text(good.replace("      - plots/knn_predictions.csv\n", ""))
    command = ("python", "-m", "tools.dvc_dependencies")
    refused = run(*command, "--check", cwd=tmp_path)
    assert refused.returncode == 1
    assert "out of date for compare, report;" in refused.stderr
    assert run(*command, "--fix", cwd=tmp_path).returncode == 0
    assert (tmp_path / "dvc.yaml").read_text() == good
    assert run(*command, "--check", cwd=tmp_path).returncode == 0
