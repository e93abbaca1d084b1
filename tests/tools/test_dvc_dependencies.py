"""The tool that keeps dvc.yaml's code dependencies."""

import re

import pytest
from conftest import REPOSITORY, run
from ruamel.yaml import YAML

from tools import dvc_dependencies

GRAPH = YAML(typ="safe").load(REPOSITORY / "dvc.yaml")["stages"]


@pytest.fixture(scope="module")
def imports():
    return dvc_dependencies.build_graph()


@pytest.mark.parametrize("stage", GRAPH)
def test_dvc_yaml_lists_the_code_of_every_stage(stage, imports):
    assert dvc_dependencies.update(stage, GRAPH, imports) == GRAPH[stage]["deps"]


@pytest.mark.parametrize("stage", GRAPH)
def test_every_declared_dependency_on_code_exists(stage):
    assert [dep for dep in GRAPH[stage]["deps"] if dep.endswith(".py") and not (REPOSITORY / dep).is_file()] == []


@pytest.mark.parametrize("stage", GRAPH)
def test_a_stage_depends_on_the_templates_that_its_code_fills(stage):
    deps = GRAPH[stage]["deps"]
    code = "".join((REPOSITORY / dep).read_text(encoding="utf-8") for dep in deps if dep.endswith(".py"))
    names = re.findall(r'get_template\(f?"([^"{]*)', code)
    templates = "eurosat_transfer/reporting/templates"
    missing = [name for name in names if not {templates, f"{templates}/{name}"} & set(deps)]
    assert missing == []


def test_a_dependency_is_found_through_other_modules(imports):
    found = dvc_dependencies.code_of("svm", imports)
    assert found[0] == "stages/svm.py"
    assert {"eurosat_transfer/models/svm.py", "eurosat_transfer/exact.py", "eurosat_transfer/io/npz.py"} <= set(found)


def test_modules_that_change_no_result_are_left_out(imports):
    files = [file for stage in GRAPH for file in dvc_dependencies.code_of(stage, imports)]
    assert not [file for file in files if "/parameters/" in file or "/pipeline/" in file or file.endswith("/errors.py")]


def test_what_only_the_start_of_a_stage_imports_is_left_out(imports):
    """eurosat_transfer/pipeline imports io/hashing.py. Of the stages, only these use a module with such sums."""
    users = [stage for stage in GRAPH if "eurosat_transfer/io/hashing.py" in dvc_dependencies.code_of(stage, imports)]
    assert users == ["model", "map", "report"]


def test_only_stages_that_train_or_apply_a_network_depend_on_tensorflow(imports):
    setup = "eurosat_transfer/tensorflow_setup.py"
    found = {stage for stage in GRAPH if setup in dvc_dependencies.code_of(stage, imports)}
    assert found == {"download", "backbone", "extract", "probe", "finetune", "model", "activations"}


def test_data_dependencies_and_folders_stay(imports):
    deps = ["data/features.npz", "stages/svm.py", "eurosat_transfer/old.py", "eurosat_transfer/reporting/templates"]
    updated = dvc_dependencies.update("svm", {"svm": {"deps": deps}}, imports)
    assert updated[0] == "data/features.npz"
    assert updated[-1] == "eurosat_transfer/reporting/templates"
    assert "eurosat_transfer/old.py" not in updated


def test_files_of_a_classifier_that_is_gone_are_removed(imports, monkeypatch):
    kept = {name: text for name, text in dvc_dependencies.CLASSIFIERS.items() if name != "knn"}
    monkeypatch.setattr(dvc_dependencies, "CLASSIFIERS", kept)
    updated = dvc_dependencies.update("report", GRAPH, imports)
    assert not [dep for dep in updated if "knn" in dep]
    assert set(GRAPH["report"]["deps"]) - set(updated) == {
        "metrics/knn.json",
        "plots/knn_predictions.csv",
        "plots/knn_classes.csv",
    }


def test_a_new_classifier_is_read_by_those_stages_that_read_all(imports, monkeypatch):
    monkeypatch.setattr(dvc_dependencies, "CLASSIFIERS", {**dvc_dependencies.CLASSIFIERS, "newcomer": "discriminants"})
    written = {
        "metrics": [{"metrics/newcomer.json": {"cache": False}}],
        "outs": ["plots/newcomer_classes.csv", "data/newcomer.npz"],
    }
    written["plots"] = [{"plots/newcomer_predictions.csv": {"template": "confusion"}}, "plots/newcomer_history.csv"]
    stages = GRAPH | {"newcomer": written}
    added = {name: set(dvc_dependencies.update(name, stages, imports)) - set(GRAPH[name]["deps"]) for name in GRAPH}
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
    (tmp_path / "dvc.yaml").write_text(good.replace("      - eurosat_transfer/exact.py\n", ""))
    command = ("python", "-m", "tools.dvc_dependencies")
    refused = run(*command, "--check", cwd=tmp_path)
    assert refused.returncode == 1
    users = ", ".join(name for name, stage in GRAPH.items() if "eurosat_transfer/exact.py" in stage["deps"])
    assert f"out of date for {users};" in refused.stderr
    assert run(*command, "--fix", cwd=tmp_path).returncode == 0
    assert (tmp_path / "dvc.yaml").read_text() == good
    assert run(*command, "--check", cwd=tmp_path).returncode == 0
