"""Small worlds for the stages to run in: a folder with params.yaml, tiny data, real servers on this machine."""

import functools
import http.server
import io
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from ruamel.yaml import YAML

REPOSITORY = Path(__file__).parents[1]
os.environ["EUROSAT_TRANSFER_STORE"] = ""  # features are computed, not remembered
os.environ["TFDS_DATA_DIR"] = os.devnull  # no test sees what this machine's user has prepared

TINY = {
    "split.train": 40,
    "split.val": 20,
    "split.test": 40,
    "backbone.image_size": 32,
    "backbone.weights": "none",
    "backbone.pretrain.images": 128,
    "backbone.pretrain.epochs": 1,
    "extract.pixel_size": 8,
    "tsne.perplexity": 5,
    "probe.epochs": 2,
    "labels.sizes": [1, 2],
    "labels.draws": 1,
    "finetune.head_epochs": 1,
    "finetune.epochs": 1,
    "finetune.warmup_epochs": 0,
    "activations.max_epochs": 1,
}


def write_params(folder: Path, **changes) -> None:
    """Write params.yaml: the repository's own, made tiny, with changes ({"svm.C": 1})."""
    yaml = YAML()
    params = yaml.load(REPOSITORY / "params.yaml")
    for name, value in (TINY | changes).items():
        *sections, key = name.split(".")
        functools.reduce(lambda section, part: section[part], sections, params)[key] = value
    yaml.dump(params, folder / "params.yaml")


@pytest.fixture
def world(tmp_path, monkeypatch):
    """An empty folder to run stages in; call it to set parameters."""
    monkeypatch.chdir(tmp_path)
    for name in ("dvc.yaml", "stages"):
        (tmp_path / name).symlink_to(REPOSITORY / name)

    def set_params(**changes) -> Path:
        write_params(tmp_path, **changes)
        return tmp_path

    set_params()
    return set_params


@pytest.fixture
def features(world):
    """data/features.npz of three classes that are easy to tell apart, in a world."""
    world()
    rng = np.random.default_rng(0)
    arrays = {}
    for subset, count in (("train", 60), ("val", 30), ("test", 30)):
        y = np.arange(count) % 3
        arrays[f"y_{subset}"] = y
        arrays[f"X_{subset}"] = (rng.normal(0, 0.3, (count, 6)) + np.eye(3, 6)[y] * 3).astype(np.float32)
    Path("data").mkdir()
    for name in ("features", "pixels"):
        np.savez(f"data/{name}.npz", **arrays, classes=np.array(["a", "b", "c"]))
    return arrays


def encoded(colour: tuple, form: str = "JPEG", mode: str = "RGB", size: tuple = (20, 16)) -> bytes:
    """A picture of one colour, as a file's content."""
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).convert(mode).save(buffer, form)
    return buffer.getvalue()


def write_tree(folder: Path, classes: int = 2, images: int = 40) -> Path:
    """Write a class/name.jpg tree, every image another one, each class of its own colour."""
    for label in range(classes):
        (folder / f"class_{label}").mkdir(parents=True)
        for number in range(images):
            colour = (100 * label % 256, 40 + 3 * number % 200, 200 - 90 * label % 200)
            (folder / f"class_{label}" / f"{number}.jpg").write_bytes(encoded(colour))
    return folder


@pytest.fixture
def serve():
    """A real HTTP server on this machine: serve(folder) -> its address."""
    servers = []

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    def start(folder: Path) -> str:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def environment(**changes: str) -> dict[str, str]:
    """Variables for a command: this Python first on the path, somebody who may commit to Git."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    identity = {f"GIT_{who}_{what}": "test@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    return {**os.environ, **identity, "PATH": path, "PYTHONPATH": "", **changes}


def run(*command: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess:
    """Run a command; its output is the test's evidence."""
    return subprocess.run(command, cwd=cwd, env=environment(**variables), capture_output=True, text=True, check=False)


def dvc(folder: Path, *arguments: str) -> str:
    """Run a DVC command that must succeed; what it printed."""
    result = run("dvc", *arguments, cwd=folder)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def stages_run(output: str) -> set[str]:
    """Names of the stages that DVC really ran."""
    return set(re.findall(r"Running stage '(\w+)'", output))


def make_clone(folder: Path, **changes) -> None:
    """Make a folder the working tree as a fresh Git and DVC repository with tiny parameters, never run."""
    files = run("git", "ls-files", "-co", "--exclude-standard", cwd=REPOSITORY).stdout.splitlines()
    for name in files:
        if not name.startswith(("tests/", "metrics/", "plots/", "docs/", "bundle/")) and name != "dvc.lock":
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, folder / name)
    write_params(folder, **changes)
    for command in (["git", "init", "-q"], ["git", "add", "-A"], ["git", "commit", "-qm", "tiny"]):
        assert run(*command, cwd=folder).returncode == 0


@pytest.fixture(scope="session")
def clone(tmp_path_factory) -> Path:
    """A clone with tiny parameters, never run."""
    folder = tmp_path_factory.mktemp("clone")
    make_clone(folder)
    return folder


@pytest.fixture(scope="session")
def reproduced(clone) -> Path:
    """The clone after its first `dvc repro`, committed; a test that changes it puts it back."""
    result = run("dvc", "repro", cwd=clone)
    assert result.returncode == 0, result.stdout + result.stderr
    (clone / "first-repro.log").write_text(result.stdout)
    run("git", "add", "-A", cwd=clone)
    run("git", "commit", "-qm", "results", cwd=clone)
    return clone
