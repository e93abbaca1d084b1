"""Features without images: after pulling them, stages need neither images nor weights nor TensorFlow."""

import json

import pytest
from conftest import dvc, run, stages_run, write_params
from ruamel.yaml import YAML

pytestmark = pytest.mark.slow


@pytest.fixture
def store(reproduced, tmp_path):
    """Push everything that the clone has computed to a folder."""
    dvc(reproduced, "remote", "add", "-d", "--local", "mine", str(tmp_path / "store"))
    dvc(reproduced, "push")
    return tmp_path / "store"


@pytest.fixture
def bob(reproduced, store, tmp_path):
    """Clone what Git has, for a second person."""
    folder = tmp_path / "bob"
    assert run("git", "clone", "-q", str(reproduced), str(folder), cwd=tmp_path).returncode == 0
    write_params(folder)
    dvc(folder, "remote", "add", "-d", "--local", "mine", str(store))
    return folder


@pytest.fixture
def without_tensorflow(tmp_path):
    """Give a PYTHONPATH on which TensorFlow and Keras cannot be imported."""
    folder = tmp_path / "poison"
    folder.mkdir()
    for name in ("tensorflow", "keras", "tensorflow_datasets"):
        (folder / f"{name}.py").write_text(f"raise ImportError('{name} is not to be imported')\n")
    assert run("python", "-c", "import tensorflow", cwd=tmp_path, PYTHONPATH=str(folder)).returncode != 0
    return str(folder)


def objects_of(output, folder, store):
    """Find the names of the objects that an output consists of in a remote."""
    [md5] = [out["md5"] for stage in stages_of(folder) for out in stage["outs"] if out["path"] == output]
    if not md5.endswith(".dir"):
        return {md5}
    parts = json.loads((store / "files/md5" / md5[:2] / md5[2:]).read_text())
    return {md5, *(part["md5"] for part in parts)}


def stages_of(folder):
    return YAML(typ="safe").load(folder / "dvc.lock")["stages"].values()


@pytest.mark.parametrize(
    ("commands", "stages"),
    [
        ((["pull", "extract"], ["repro", "--single-item", "svm", "tsne"]), {"svm", "tsne"}),
        ((["repro", "--pull", "--allow-missing", "tsne"],), {"tsne"}),
    ],
    ids=["pull", "repro"],
)
def test_stages_on_features_run_with_the_pulled_features_alone(bob, store, without_tensorflow, commands, stages):
    write_params(bob, **{"svm.C": 0.01, "tsne.perplexity": 3})
    ran = set()
    for command in commands:
        done = run("dvc", *command, cwd=bob, PYTHONPATH=without_tensorflow)
        assert done.returncode == 0, done.stdout + done.stderr
        ran |= stages_run(done.stdout)
    assert ran == stages
    pulled = {path.name for path in (bob / "data").iterdir()} - {"bands.npz"}  # tsne does not depend on it
    assert pulled == {".gitignore", "code_lists", "features.npz", "pixels.npz"}
    cached = {path.parent.name + path.name for path in (bob / ".dvc/cache/files/md5").rglob("*") if path.is_file()}
    assert objects_of("data/features.npz", bob, store) <= cached
    for output in ("data/array_records", "data/backbone", "data/split.csv", "data/index.csv"):
        assert not objects_of(output, bob, store) & cached
