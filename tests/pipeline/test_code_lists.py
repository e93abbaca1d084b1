"""The lists of the code that a stage's result comes from, and the stage that writes them."""

import re
import shutil
from pathlib import Path

import pytest
from conftest import REPOSITORY, dvc, run, stages_run
from ruamel.yaml import YAML

from eurosat_transfer.io.hashing import md5
from eurosat_transfer.pipeline.code_lists import (
    FOLDER,
    STAGE,
    build_graph,
    changed_code,
    code_of,
    format_list,
    list_of,
    parse_list,
)

GRAPH = YAML(typ="safe").load(REPOSITORY / "dvc.yaml")["stages"]
STAGES = [stage for stage in GRAPH if stage != STAGE]
EXACT = Path("eurosat_transfer/exact.py")


@pytest.fixture(scope="module")
def code():
    """The code files of every stage."""
    graph = build_graph()
    return {stage: code_of(stage, graph) for stage in STAGES}


@pytest.fixture
def tree(tmp_path) -> Path:
    """The code, in a folder without Git and without DVC."""
    for name in ("dvc.yaml", "params.yaml", "eurosat_transfer", "stages"):
        (tmp_path / name).symlink_to(REPOSITORY / name)
    return tmp_path


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_the_list_of_its_code(stage):
    lists = [dep for dep in GRAPH[stage]["deps"] if dep.startswith(FOLDER.as_posix())]
    assert lists == [list_of(stage).as_posix()]


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_the_templates_that_its_code_fills(stage, code):
    text = "".join((REPOSITORY / file).read_text(encoding="utf-8") for file in code[stage])
    names = re.findall(r'get_template\(f?"([^"{]*)', text)
    templates = "eurosat_transfer/reporting/templates"
    assert [name for name in names if not {templates, f"{templates}/{name}"} & set(GRAPH[stage]["deps"])] == []


def test_code_is_found_through_other_modules(code):
    expected = ("stages/svm.py", "eurosat_transfer/models/svm.py", EXACT, "eurosat_transfer/io/npz.py")
    assert set(map(Path, expected)) <= set(code["svm"])
    assert Path("stages/knn.py") not in code["svm"]


def test_modules_that_change_no_result_are_left_out(code):
    files = {file.as_posix() for listed in code.values() for file in listed}
    assert not [file for file in files if "/parameters/" in file or "/pipeline/" in file or file.endswith("/errors.py")]


def test_what_only_the_start_of_a_stage_imports_is_left_out(code):
    """eurosat_transfer/pipeline imports io/hashing.py. Of the stages, only these use a module with such sums."""
    hashing = Path("eurosat_transfer/io/hashing.py")
    assert {stage for stage in STAGES if hashing in code[stage]} == {"model", "map", "report"}


def test_only_stages_that_train_or_apply_a_network_depend_on_tensorflow(code):
    setup = Path("eurosat_transfer/tensorflow_setup.py")
    found = {stage for stage in STAGES if setup in code[stage]}
    assert found == {"download", "backbone", "extract", "probe", "finetune", "model", "activations"}


def test_a_list_is_read_as_it_was_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.py", "b  c.py"):
        Path(name).write_text(name, encoding="utf-8")
    files = {Path(name): md5(Path(name)) for name in ("a.py", "b  c.py")}
    assert parse_list(format_list(files)) == files


def test_a_list_with_marks_of_a_merge_conflict_is_out_of_date(tree, monkeypatch):
    monkeypatch.chdir(tree)
    (tree / FOLDER).mkdir(parents=True)
    (tree / list_of("svm")).write_text(f"<<<<<<< HEAD\n{md5(EXACT)}  {EXACT}\n=======\n", encoding="utf-8")
    assert changed_code("svm") == [Path("<<<<<<< HEAD"), Path("=======")]


def test_the_stage_lists_the_code_of_every_stage(tree, code):
    assert run("python", "-m", "stages.code_lists", cwd=tree).returncode == 0
    assert {path.stem for path in (tree / FOLDER).iterdir()} == set(STAGES)
    written = (tree / list_of("svm")).read_text(encoding="utf-8")
    assert f"{md5(REPOSITORY / EXACT)}  {EXACT}\n" in written
    assert parse_list(written) == code["svm"]


def test_files_of_editors_are_no_stages(tree):
    (tree / "stages").unlink()
    shutil.copytree(REPOSITORY / "stages", tree / "stages")
    for name in ("._svm.py", ".#svm.py"):
        (tree / "stages" / name).touch()
    assert run("python", "-m", "stages.code_lists", cwd=tree).returncode == 0
    assert {path.stem for path in (tree / FOLDER).iterdir()} == set(STAGES)


def test_every_dependency_of_the_stage_holds_code(code):
    files = [file for listed in code.values() for file in listed]
    deps = [dep for dep in GRAPH[STAGE]["deps"] if dep != "eurosat_transfer/pipeline/code_lists.py"]
    assert [dep for dep in deps if not any(file.is_relative_to(dep) for file in files)] == []


def test_the_stage_refuses_code_whose_changes_it_would_not_see(tree):
    dvc_yaml = (REPOSITORY / "dvc.yaml").read_text(encoding="utf-8")
    (tree / "dvc.yaml").unlink()
    (tree / "dvc.yaml").write_text(dvc_yaml.replace(f"      - {EXACT}\n", "", 1), encoding="utf-8")
    refused = run("python", "-m", "stages.code_lists", cwd=tree)
    assert refused.returncode == 1
    assert refused.stderr == f"error: dvc.yaml: add {EXACT}, or its folder, to the dependencies of the stage {STAGE}\n"
    assert not (tree / FOLDER).exists()


@pytest.mark.slow
def test_changed_code_reruns_the_stages_that_use_it_only(reproduced):
    (reproduced / "eurosat_transfer/models/unused.py").write_text('"""Nothing imports this."""\n', encoding="utf-8")
    assert stages_run(dvc(reproduced, "repro")) == {STAGE}
    (reproduced / "eurosat_transfer/pipeline/unused.py").write_text('"""Nor this."""\n', encoding="utf-8")
    assert stages_run(dvc(reproduced, "repro")) == set()
    tsne = reproduced / "eurosat_transfer/features/tsne.py"
    tsne.write_text(tsne.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")
    assert stages_run(dvc(reproduced, "repro", "tsne")) == {STAGE, "tsne"}
