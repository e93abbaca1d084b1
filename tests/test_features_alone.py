"""Features without images: who has pulled them works on, with neither images nor weights nor TensorFlow."""

import json
import shutil

import pytest
from conftest import dvc, run, stages_run, write_params
from ruamel.yaml import YAML

pytestmark = pytest.mark.xdist_group("reproduced")


@pytest.fixture(scope="module")
def store(reproduced, tmp_path_factory):
    """A folder that holds everything the clone has made."""
    folder = tmp_path_factory.mktemp("remote")
    ada = shutil.copytree(reproduced, folder / "ada", symlinks=True)
    dvc(ada, "remote", "add", "-d", "--local", "mine", str(folder / "store"))
    dvc(ada, "push")
    return folder / "store"


@pytest.fixture
def bob(reproduced, store, tmp_path):
    """A second person's clone, with nothing in it but what Git has."""
    folder = tmp_path / "bob"
    assert run("git", "clone", "-q", str(reproduced), str(folder), cwd=tmp_path).returncode == 0
    write_params(folder)
    dvc(folder, "remote", "add", "-d", "--local", "mine", str(store))
    return folder


@pytest.fixture
def without_tensorflow(tmp_path):
    """A PYTHONPATH on which TensorFlow and Keras cannot be imported."""
    folder = tmp_path / "poison"
    folder.mkdir()
    for name in ("tensorflow", "keras", "tensorflow_datasets"):
        (folder / f"{name}.py").write_text(f"raise ImportError('{name} is not to be imported')\n")
    assert run("python", "-c", "import tensorflow", cwd=tmp_path, PYTHONPATH=str(folder)).returncode != 0
    return str(folder)


def objects_of(output, folder, store):
    """Names in a remote of everything that an output consists of."""
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
def test_the_features_alone_are_enough(bob, store, without_tensorflow, commands, stages):
    write_params(bob, **{"svm.C": 0.01, "tsne.perplexity": 3})
    ran = set()
    for command in commands:
        done = run("dvc", *command, cwd=bob, PYTHONPATH=without_tensorflow)
        assert done.returncode == 0, done.stdout + done.stderr
        ran |= stages_run(done.stdout)
    assert ran == stages
    assert sorted(path.name for path in (bob / "data").iterdir()) == [".gitignore", "features.npz", "pixels.npz"]
    cached = {path.parent.name + path.name for path in (bob / ".dvc/cache/files/md5").rglob("*") if path.is_file()}
    assert objects_of("data/features.npz", bob, store) <= cached
    for output in ("data/dataset", "data/backbone", "data/split.csv", "data/index.csv"):
        assert not objects_of(output, bob, store) & cached
