"""Shared fixtures: folders with tiny data to run stages in, clones of the repository, servers on this machine."""

import functools
import http.server
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from PIL import ExifTags, Image
from ruamel.yaml import YAML
from selenium import webdriver

REPOSITORY = Path(__file__).parents[1]
os.environ["EUROSAT_TRANSFER_STORE"] = ""  # no test takes features from the cache of this machine's user
os.environ["TFDS_DATA_DIR"] = os.devnull  # no test sees the data sets of this machine's user

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
    "activations.rates": [0.25],
    "activations.seeds": 2,
}


SLOW_FIXTURES = {"pristine", "reproduced", "made", "browser"}  # they drive the real DVC or a real browser


@pytest.hookimpl(tryfirst=True)  # before pytest selects by mark
def pytest_collection_modifyitems(items):
    """Mark every test slow that uses a slow fixture, directly or not."""
    for item in items:
        if SLOW_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)


def write_params(folder: Path, **changes) -> None:
    """Write the repository's params.yaml, with tiny values and further changes such as {"svm.C": 1}."""
    yaml = YAML()
    params = yaml.load(REPOSITORY / "params.yaml")
    for name, value in (TINY | changes).items():
        *sections, key = name.split(".")
        functools.reduce(lambda section, part: section[part], sections, params)[key] = value
    yaml.dump(params, folder / "params.yaml")


@pytest.fixture
def world(tmp_path, monkeypatch):
    """Change to an empty folder in which stages can run. Call the fixture to set parameters; it returns the folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("dvc.yaml", "stages", "eurosat_transfer"):
        (tmp_path / name).symlink_to(REPOSITORY / name)

    def set_params(**changes) -> Path:
        write_params(tmp_path, **changes)
        return tmp_path

    set_params()
    return set_params


@pytest.fixture
def features(world):
    """Write data/features.npz, data/pixels.npz and data/bands.npz: three classes that are easy to tell apart."""
    world()
    rng = np.random.default_rng(0)
    arrays = {}
    for subset, count in (("train", 60), ("val", 30), ("test", 30)):
        y = np.arange(count) % 3
        arrays[f"y_{subset}"] = y
        arrays[f"files_{subset}"] = np.array([f"{subset}/{number}.jpg" for number in range(count)])
        arrays[f"X_{subset}"] = (rng.normal(0, 0.3, (count, 6)) + np.eye(3, 6)[y] * 3).astype(np.float32)
    Path("data").mkdir()
    for name in ("features", "pixels", "bands"):
        np.savez(f"data/{name}.npz", **arrays, classes=np.array(["a", "b", "c"]))
    return arrays


def encoded(colour: tuple, form: str = "JPEG", mode: str = "RGB", size: tuple = (20, 16)) -> bytes:
    """Encode an image of one colour."""
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).convert(mode).save(buffer, form)
    return buffer.getvalue()


def turned(pixels: np.ndarray, orientation: int, form: str = "JPEG") -> bytes:
    """Encode pixels as they are, with an EXIF orientation that says how to turn them."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, form, exif=exif)
    return buffer.getvalue()


def write_tree(folder: Path, classes: int = 2, images: int = 40) -> Path:
    """Write a class/name.jpg tree of different images; each class has its own colour."""
    for label in range(classes):
        (folder / f"class_{label}").mkdir(parents=True)
        for number in range(images):
            colour = (100 * label % 256, 40 + 3 * number % 200, 200 - 90 * label % 200)
            (folder / f"class_{label}" / f"{number}.jpg").write_bytes(encoded(colour))
    return folder


@pytest.fixture
def serve():
    """Start HTTP servers on this machine: serve(folder) -> address."""
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


@pytest.fixture
def cluster():
    """Start a Ray cluster of two nodes on this machine: real processes.

    The name of their folder is short, because a socket's must be.
    """
    cluster_utils = pytest.importorskip("ray.cluster_utils")
    folder = tempfile.mkdtemp(prefix="ray")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_TMPDIR", folder)
        patch.setenv("RAY_memory_monitor_refresh_ms", "0")  # no node is killed because this machine has little memory
        cluster = cluster_utils.Cluster()
        try:
            for _ in range(2):
                cluster.add_node(num_cpus=1, object_store_memory=100 * 2**20, include_dashboard=False)
            yield cluster
        finally:
            cluster.shutdown()
            shutil.rmtree(folder)


@pytest.fixture
def browser(tmp_path):
    """Start Chromium without a network. It saves files in the folder downloads of tmp_path."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    chromedriver = shutil.which("chromedriver")
    if not (chromium and chromedriver):
        pytest.skip("needs Chromium and its chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking"):
        options.add_argument(argument)
    options.add_argument(f"--user-data-dir={tmp_path}/profile")
    options.add_argument("--host-resolver-rules=MAP * ~NOTFOUND")
    options.add_experimental_option("prefs", {"download.default_directory": str(tmp_path / "downloads")})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(chromedriver))
    yield driver
    driver.quit()


def environment(**changes: str) -> dict[str, str]:
    """Build the variables for a command: this Python comes first on the path, and Git knows who commits."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    identity = {f"GIT_{who}_{what}": "test@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    return {**os.environ, **identity, "PATH": path, "PYTHONPATH": "", **changes}


def run(*command: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess:
    """Run a command and capture its output."""
    return subprocess.run(command, cwd=cwd, env=environment(**variables), capture_output=True, text=True, check=False)


def dvc(folder: Path, *arguments: str) -> str:
    """Run a DVC command that must succeed, and return what it printed."""
    result = run("dvc", *arguments, cwd=folder)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def stages_run(output: str) -> set[str]:
    """Find the names of the stages that DVC ran."""
    return set(re.findall(r"Running stage '(\w+)'", output))


def make_clone(folder: Path, **changes) -> None:
    """Copy the working tree to a new Git and DVC repository with tiny parameters and without results."""
    left_out = ("tests/", "metrics/", "plots/", "docs/", "bundle/", ".github/")
    files = run("git", "ls-files", "-co", "--exclude-standard", cwd=REPOSITORY).stdout.splitlines()
    for name in files:
        kept = name == "metrics/seeds.json" or not name.startswith((*left_out, "dvc.lock"))
        if kept and (REPOSITORY / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, folder / name)
    write_params(folder, **changes)
    for command in (["git", "init", "-q"], ["git", "add", "-A"], ["git", "commit", "-qm", "tiny"]):
        assert run(*command, cwd=folder).returncode == 0


@pytest.fixture(scope="session")
def pristine(tmp_path_factory, worker_id) -> Path:
    """Reproduce and commit a tiny clone once for all test processes. No test changes it."""
    root = tmp_path_factory.getbasetemp()
    root = root if worker_id == "master" else root.parent
    folder, done = root / "pristine", root / "pristine-is-done"
    with FileLock(root / "pristine.lock"):
        if not done.exists():
            make_clone(folder)
            result = run("dvc", "repro", cwd=folder)
            assert result.returncode == 0, result.stdout + result.stderr
            (folder / "first-repro.log").write_text(result.stdout)
            run("git", "add", "-A", cwd=folder)
            run("git", "commit", "-qm", "results", cwd=folder)
            done.touch()
    return folder


@pytest.fixture
def reproduced(pristine, tmp_path) -> Path:
    """Copy the tiny clone after its first `dvc repro`, cache and all. Each test has its own copy."""
    return shutil.copytree(pristine, tmp_path / "reproduced", symlinks=True)
