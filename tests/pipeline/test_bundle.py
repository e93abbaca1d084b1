"""The remote in the repository: a clone can fetch every output of the embedded default, and runs no stage."""

import shutil

import pytest
from conftest import REPOSITORY, dvc, run, stages_run

from tools.refresh_bundle import MAX_BYTES

pytestmark = pytest.mark.slow


@pytest.fixture
def fresh(tmp_path):
    """Copy what Git tracks of the working tree to a new repository, without cache and outputs."""
    folder = tmp_path / "fresh"
    for name in run("git", "ls-files", "-co", "--exclude-standard", cwd=REPOSITORY).stdout.splitlines():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / name, folder / name)
    for command in (["git", "init", "-q"], ["git", "add", "-A"], ["git", "commit", "-qm", "fresh"]):
        assert run(*command, cwd=folder).returncode == 0
    return folder


def objects(folder):
    return [path for path in (folder / "bundle").rglob("*") if path.is_file()]


def test_after_a_pull_no_stage_runs(fresh):
    dvc(fresh, "pull")
    assert stages_run(dvc(fresh, "repro")) == set()
    assert (fresh / "report/report.html").exists()
    assert run("git", "status", "--short", cwd=fresh).stdout == ""
    assert "are sound" in run("python", "-m", "eurosat_transfer", "repair", cwd=fresh).stdout


def test_the_bundle_is_small_and_holds_the_outputs_only(fresh):
    assert sum(path.stat().st_size for path in objects(fresh)) <= MAX_BYTES
    dvc(fresh, "fetch")
    cache = fresh / ".dvc/cache"
    needed = {path.relative_to(cache) for path in cache.rglob("*") if path.is_file()}
    assert {path.relative_to(fresh / "bundle") for path in objects(fresh)} == needed


@pytest.mark.parametrize("read_only", [False, True])
def test_a_flipped_byte_is_noticed_and_git_restores_it(fresh, read_only):
    victim = max(objects(fresh), key=lambda path: path.stat().st_size)
    content = bytearray(victim.read_bytes())
    content[len(content) // 2] ^= 1
    victim.write_bytes(content)
    victim.chmod(0o444 if read_only else 0o644)  # DVC makes objects read-only, and trusts those that are
    pulled = run("dvc", "pull", cwd=fresh)
    assert pulled.returncode != 0
    assert "Checkout failed" in pulled.stderr
    assert run("git", "restore", "bundle", cwd=fresh).returncode == 0
    dvc(fresh, "pull")
    assert stages_run(dvc(fresh, "repro")) == set()


def test_single_outputs_can_be_fetched_from_a_clone_or_a_bare_repository(fresh):
    """As docs/remotes.md describes."""
    here = fresh.parent
    for command in (["clone", "-q", "fresh", "clone"], ["clone", "-q", "--bare", "fresh", "bare.git"]):
        assert run("git", *command, cwd=here).returncode == 0
    wanted = ("data/split.csv", "-o")
    dvc(here, "get", "clone", *wanted, "from_clone.csv")
    config = f"url={here}/clone/bundle"
    dvc(here, "get", "bare.git", *wanted, "from_bare.csv", "--remote", "bundled", "--remote-config", config)
    assert (here / "from_clone.csv").read_bytes() == (here / "from_bare.csv").read_bytes()
    dvc(here, "get", "clone", "model", "-o", "model")
    assert (here / "model/model.onnx").exists()


def test_a_missing_object_is_noticed(fresh):
    objects(fresh)[0].unlink()
    assert run("dvc", "pull", cwd=fresh).returncode != 0


def test_refreshing_an_up_to_date_bundle_changes_nothing(fresh):
    dvc(fresh, "pull")
    before = {path.relative_to(fresh): path.read_bytes() for path in objects(fresh)}
    (fresh / "bundle/files/md5/00").mkdir(exist_ok=True)
    (fresh / "bundle/files/md5/00/of-an-earlier-version").write_text("old")
    refreshed = run("python", "-m", "tools.refresh_bundle", cwd=fresh)
    assert refreshed.returncode == 0, refreshed.stderr
    assert {path.relative_to(fresh): path.read_bytes() for path in objects(fresh)} == before
    assert run("git", "status", "--short", cwd=fresh).stdout == ""


def test_help_changes_nothing(fresh):
    printed = run("python", "-m", "tools.refresh_bundle", "--help", cwd=fresh)
    assert printed.returncode == 0
    assert "Run it after `dvc repro`" in printed.stdout
    assert run("git", "status", "--short", cwd=fresh).stdout == ""


def test_stale_outputs_are_not_put_into_the_bundle(fresh):
    refused = run("python", "-m", "tools.refresh_bundle", cwd=fresh)  # nothing was pulled or computed
    assert refused.returncode == 1
    assert "error: the outputs are not up to date; run `dvc repro` first" in refused.stderr
    assert run("git", "status", "--short", cwd=fresh).stdout == ""
