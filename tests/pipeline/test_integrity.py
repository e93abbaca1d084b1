"""Bytes that the disk has changed in DVC's cache, with the real DVC."""

import json
import shutil
from pathlib import Path

import pytest
from conftest import REPOSITORY, dvc, run, stages_run, write_params
from ruamel.yaml import YAML

from eurosat_transfer.io.hashing import md5
from eurosat_transfer.pipeline.code_lists import list_of
from eurosat_transfer.pipeline.integrity import (
    cache_folder,
    damaged_objects,
    damaged_outputs,
    digest_inputs,
    earlier_output,
    locked_outputs,
)


def flip_a_byte(path: Path) -> None:
    """Change one byte in the middle of a file. DVC trusts it still, because it is read-only."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(content)
    path.chmod(0o444)


def remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A repository with one stage that has run: it has read a file and a folder and written a file and a folder."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "in").mkdir()
    for name in ("in/a.txt", "in/b.txt", "in.txt", "code.py"):
        (folder / name).write_text(name, encoding="utf-8")
    stage = (
        "stages: {copy: {cmd: cp -r in out && cp in.txt out.txt, deps: [in.txt, in, code.py], outs: [out, out.txt]}}"
    )
    (folder / "dvc.yaml").write_text(stage, encoding="utf-8")
    dvc(folder, "init", "-q", "--no-scm")
    dvc(folder, "repro", "-q")
    return folder


@pytest.fixture
def small(made, tmp_path, monkeypatch) -> Path:
    """A copy of that repository, cache and all."""
    folder = shutil.copytree(made, tmp_path / "small")
    monkeypatch.chdir(folder)
    return folder


def cached(objects: Path, output: Path) -> Path:
    """The cached object of an output, or of the largest file in it."""
    md5_sum = dict(locked_outputs())[output]
    path = objects / md5_sum[:2] / md5_sum[2:]
    if path.suffix != ".dir":
        return path
    files = [objects / file["md5"][:2] / file["md5"][2:] for file in json.loads(path.read_bytes())]
    return max(files, key=lambda p: p.stat().st_size)


def test_an_output_of_the_last_run_with_the_same_inputs_is_found_in_the_cache(small):
    output = Path("out.txt")
    found = earlier_output("copy", output, [Path("code.py")], {})
    assert found is not None
    assert found.read_text(encoding="utf-8") == "in.txt"
    (small / "out.txt").unlink()  # as DVC does before it runs the stage again
    (small / "code.py").write_text("changed", encoding="utf-8")
    assert earlier_output("copy", output, [Path("code.py")], {}) == found
    assert earlier_output("copy", output, [], {}) is None
    assert earlier_output("copy", Path("other.txt"), [Path("code.py")], {}) is None
    assert earlier_output("other", output, [Path("code.py")], {"preprocess": True}) is None
    (small / "in/a.txt").write_text("changed", encoding="utf-8")
    assert earlier_output("copy", output, [Path("code.py")], {}) is None
    assert earlier_output("copy", output, [Path("code.py"), Path("in")], {}) == found
    flip_a_byte(found)
    assert earlier_output("copy", output, [Path("code.py"), Path("in")], {}) is None
    found.unlink()
    assert earlier_output("copy", output, [Path("code.py"), Path("in")], {}) is None
    (small / "dvc.lock").unlink()
    assert earlier_output("copy", output, [Path("code.py"), Path("in")], {}) is None


@pytest.mark.parametrize(
    ("wanted", "is_found"), [({"size": 1}, True), ({"size": 2}, False), ({"new": None}, False), ({}, True)]
)
def test_an_output_of_other_parameters_is_not_found(small, wanted, is_found):
    yaml, lock = YAML(typ="safe", pure=True), small / "dvc.lock"
    content = yaml.load(lock)
    content["stages"]["copy"]["params"] = {"params.yaml": {"copy": {"size": 1, "speed": 3}}}
    yaml.dump(content, lock)
    assert (earlier_output("copy", Path("out.txt"), [], wanted) is not None) == is_found


def test_locked_outputs_are_those_of_dvc_lock(small):
    assert dict(locked_outputs()) == {Path("out"): md5(small / "out"), Path("out.txt"): md5(small / "out.txt")}
    (small / "dvc.lock").unlink()
    assert list(locked_outputs()) == []


def test_the_cache_folder_is_the_configured_one(small):
    assert cached(cache_folder(), Path("out.txt")).read_text(encoding="utf-8") == "in.txt"
    dvc(small, "cache", "dir", "elsewhere")
    assert cache_folder() == (small / "elsewhere/files/md5")
    shutil.move(".dvc/cache", "elsewhere")
    flip_a_byte(cached(cache_folder(), Path("out.txt")))
    remove(Path("out.txt"))
    dvc(small, "checkout")
    assert damaged_outputs() == [Path("out.txt")]


@pytest.mark.parametrize("output", [Path("out"), Path("out.txt")])
def test_damage_in_the_cache_is_found(small, output):
    objects, md5_sum = small / ".dvc/cache/files/md5", dict(locked_outputs())[output]
    assert damaged_objects(objects, md5_sum) == []
    damaged = cached(objects, output)
    flip_a_byte(damaged)
    assert damaged_objects(objects, md5_sum) == [damaged]
    assert damaged_outputs() == []  # the workspace still has the sound content
    remove(output)
    dvc(small, "checkout")
    assert damaged_outputs() == [output]
    assert damaged_outputs([output]) == [output]
    assert damaged_outputs([Path("in.txt")]) == damaged_outputs([]) == []
    damaged.unlink()
    assert damaged_objects(objects, md5_sum) == []


def test_a_damaged_list_of_files_is_found(small):
    md5_sum = dict(locked_outputs())[Path("out")]
    listed = small / ".dvc/cache/files/md5" / md5_sum[:2] / md5_sum[2:]
    flip_a_byte(listed)
    assert damaged_objects(small / ".dvc/cache/files/md5", md5_sum) == [listed]


def test_an_output_changed_on_purpose_is_not_damaged(small):
    (small / "out.txt").write_text("mine", encoding="utf-8")
    (small / "out/a.txt").unlink()
    assert damaged_outputs() == []


def test_the_digest_is_of_all_inputs_but_those_left_out(small):
    first, rest = digest_inputs("copy"), digest_inputs("copy", leave_out=[Path("in")])
    assert len({first, rest}) == 2
    (small / "in/b.txt").write_text("changed", encoding="utf-8")
    second = digest_inputs("copy")
    (small / "in/b.txt").rename(small / "in/c.txt")
    third = digest_inputs("copy")
    remove(small / "in")
    fourth = digest_inputs("copy")
    assert len({first, second, third, fourth}) == 4
    assert digest_inputs("copy", leave_out=[Path("in")]) == rest
    (small / "code.py").write_text("changed", encoding="utf-8")
    assert digest_inputs("copy", leave_out=[Path("in")]) != rest


CODE, LIST = Path("eurosat_transfer/models/knn.py"), list_of("knn")


@pytest.fixture
def code(tmp_path, monkeypatch) -> Path:
    """A folder with the code of the stages and dvc.yaml, and nothing else."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(REPOSITORY / "dvc.yaml", tmp_path)
    for name in ("eurosat_transfer", "stages"):
        shutil.copytree(REPOSITORY / name, name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def write_lists(folder: Path) -> None:
    assert run("python", "-m", "stages.code_lists", cwd=folder).returncode == 0


@pytest.mark.parametrize("has_lists", [True, False])
def test_the_digest_is_of_the_code_as_it_is_now(code, has_lists):
    """A stage that is run by hand after a change has an old list, or none."""
    if has_lists:
        write_lists(code)
    first, rest = digest_inputs("knn"), digest_inputs("knn", [CODE])
    assert first != rest
    CODE.write_text(CODE.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")
    second = digest_inputs("knn")
    assert second != first
    assert digest_inputs("knn", [CODE]) == rest
    write_lists(code)
    assert digest_inputs("knn") == second


def test_the_digest_has_code_that_is_newer_than_the_list(code):
    def digest() -> str:
        """Ask a new process, which imports the code of this folder."""
        ask = "from eurosat_transfer.pipeline.integrity import digest_inputs; print(digest_inputs('knn'))"
        return run("python", "-c", ask, cwd=code).stdout

    write_lists(code)
    new = CODE.with_name("new.py")
    new.touch()
    CODE.write_text(f"from eurosat_transfer.models import new\n{CODE.read_text(encoding='utf-8')}", encoding="utf-8")
    first = digest()
    new.write_text("# changed\n", encoding="utf-8")
    assert len({first, digest(), ""}) == 3


def test_an_output_of_other_code_is_not_found(small):
    """A stage that is run by hand after a change of code has the list that dvc.lock describes."""
    assert earlier_output("copy", Path("out.txt"), [], {}) is not None
    code, listed = small / "module.py", small / list_of("copy")
    code.touch()
    listed.parent.mkdir(parents=True)
    listed.write_text(f"{md5(code)}  module.py\n", encoding="utf-8")
    assert earlier_output("copy", Path("out.txt"), [], {}) is not None
    code.write_text("# changed\n", encoding="utf-8")
    assert earlier_output("copy", Path("out.txt"), [], {}) is None


@pytest.mark.slow
def test_a_stage_refuses_code_that_is_not_in_its_list(reproduced):
    """Otherwise DVC would record the result as that of the listed code."""
    before = (reproduced / CODE).read_text(encoding="utf-8")
    (reproduced / CODE).write_text(before + "# changed\n", encoding="utf-8")
    write_params(reproduced, **{"knn.k": 3})
    refused = run("dvc", "repro", "--single-item", "knn", cwd=reproduced)
    assert refused.returncode != 0
    assert (
        f"error: {CODE} has changed since the stage code_lists ran. Run `dvc repro -f -s code_lists`" in refused.stderr
    )
    dvc(reproduced, "repro", "-f", "-s", "code_lists")
    assert f"{md5(reproduced / CODE)}  {CODE}\n" in (reproduced / LIST).read_text(encoding="utf-8")
    assert stages_run(dvc(reproduced, "repro", "--single-item", "knn")) == {"knn"}


@pytest.fixture
def copy(reproduced, tmp_path, monkeypatch) -> Path:
    """A copy, cache and all, of the clone that has run."""
    folder = shutil.copytree(reproduced, tmp_path / "copy", symlinks=True)
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("output", "change", "stage"),
    [("data/features.npz", {"svm.C": 7}, "svm"), ("data/array_records", {"extract.pixel_size": 9}, "extract")],
)
def test_a_stage_refuses_a_damaged_input_and_repair_removes_it(copy, output, change, stage):
    lock = (copy / "dvc.lock").read_bytes()
    flip_a_byte(cached(copy / ".dvc/cache/files/md5", Path(output)))
    remove(copy / output)
    write_params(copy, **change)

    refused = run("dvc", "repro", stage, cwd=copy)
    assert refused.returncode != 0
    assert f"error: damaged in DVC's cache: {output}. " in refused.stderr
    assert "Run `python -m eurosat_transfer repair`" in refused.stderr

    repaired = run("python", "-m", "eurosat_transfer", "repair", cwd=copy)
    assert output in repaired.stdout
    assert f"{copy}/.dvc/cache/files/md5/" in repaired.stdout
    write_params(copy)
    dvc(copy, "repro")
    assert (copy / "dvc.lock").read_bytes() == lock
    assert run("python", "-m", "eurosat_transfer", "repair", cwd=copy).returncode == 0


@pytest.mark.slow
def test_the_summary_shows_nothing_if_an_output_is_damaged(copy):
    flip_a_byte(cached(copy / ".dvc/cache/files/md5", Path("report/report.html")))
    remove(copy / "report/report.html")
    dvc(copy, "checkout")
    refused = run("python", "-m", "eurosat_transfer", cwd=copy)
    assert refused.returncode != 0
    assert "damaged in DVC's cache: report/report.html" in refused.stderr
    assert "accuracy" not in refused.stdout


@pytest.mark.slow
def test_an_output_changed_on_purpose_is_used(copy):
    shutil.copy(copy / "data/pixels.npz", copy / "data/features.npz")
    assert "Running stage 'svm'" in dvc(copy, "repro", "--single-item", "svm")
    assert run("python", "-m", "eurosat_transfer", cwd=copy).returncode == 0
