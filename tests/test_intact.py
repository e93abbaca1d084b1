"""A byte flipped in DVC's cache, with the real DVC."""

import json
import shutil

import pytest
from conftest import dvc, run, write_params

from stages.common.intact import locked_outputs

pytestmark = pytest.mark.xdist_group("reproduced")


@pytest.fixture
def copy(reproduced, tmp_path, monkeypatch):
    """A copy, cache and all, of the clone that has run."""
    folder = shutil.copytree(reproduced, tmp_path / "copy", symlinks=True)
    monkeypatch.chdir(folder)
    return folder


def cached(folder, output):
    """The cached object of an output, or of the largest file in it."""

    def path_of(md5):
        return folder / ".dvc/cache/files/md5" / md5[:2] / md5[2:]

    path = path_of({str(path): md5 for path, md5 in locked_outputs()}[output])
    if path.suffix == ".dir":
        return max((path_of(part["md5"]) for part in json.loads(path.read_text())), key=lambda p: p.stat().st_size)
    return path


def flip_a_byte(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(content)
    path.chmod(0o444)  # DVC trusts what is read-only


def remove(path):
    shutil.rmtree(path) if path.is_dir() else path.unlink()


@pytest.mark.parametrize(
    ("output", "change", "stage"),
    [("data/features.npz", {"svm.C": 7}, "svm"), ("data/dataset", {"extract.pixel_size": 9}, "extract")],
)
def test_a_stage_refuses_what_the_cache_gives_back_damaged(copy, output, change, stage):
    lock = (copy / "dvc.lock").read_bytes()
    flip_a_byte(cached(copy, output))
    remove(copy / output)
    write_params(copy, **change)

    refused = run("dvc", "repro", stage, cwd=copy)
    assert refused.returncode != 0
    assert f"error: damaged in DVC's cache: {output}; `python -m stages.mend`" in refused.stderr

    mended = run("python", "-m", "stages.mend", cwd=copy)
    assert f"damaged, removed: {output}\ndamaged, removed: {copy}/.dvc/cache" in mended.stdout
    write_params(copy)
    dvc(copy, "repro")
    assert (copy / "dvc.lock").read_bytes() == lock
    assert "the cache and the bundled remote are sound" in run("python", "-m", "stages.mend", cwd=copy).stdout


def test_the_summary_shows_nothing_that_is_damaged(copy):
    flip_a_byte(cached(copy, "report/report.html"))
    remove(copy / "report/report.html")
    dvc(copy, "checkout")
    refused = run("python", "-m", "stages", cwd=copy)
    assert refused.returncode != 0
    assert refused.stderr.startswith("damaged in DVC's cache: report/report.html;")
    assert "accuracy" not in refused.stdout


def test_the_summary_ends_quietly_when_nobody_reads_it(copy):
    assert run("sh", "-c", "python -m stages | true", cwd=copy).stderr == ""


def test_an_output_changed_on_purpose_is_used(copy):
    shutil.copy(copy / "data/pixels.npz", copy / "data/features.npz")
    assert "Running stage 'svm'" in dvc(copy, "repro", "--single-item", "svm")
    assert run("python", "-m", "stages", cwd=copy).returncode == 0
