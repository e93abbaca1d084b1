"""The remote that comes with the repository: a clone has every output of the embedded default, and no stage to run."""

import shutil

import pytest
from conftest import REPOSITORY, dvc, run, stages_run

LIMIT = 20_000_000  # bytes: every clone carries them


@pytest.fixture
def fresh(tmp_path):
    """The working tree as a fresh clone has it: what Git would take, no cache, no output."""
    folder = tmp_path / "fresh"
    for name in run("git", "ls-files", "-co", "--exclude-standard", cwd=REPOSITORY).stdout.splitlines():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / name, folder / name)
    for command in (["git", "init", "-q"], ["git", "add", "-A"], ["git", "commit", "-qm", "fresh"]):
        assert run(*command, cwd=folder).returncode == 0
    return folder


def objects(folder):
    return [path for path in (folder / "bundle").rglob("*") if path.is_file()]


def test_after_a_pull_there_is_nothing_to_do(fresh):
    dvc(fresh, "pull")
    assert stages_run(dvc(fresh, "repro")) == set()
    assert (fresh / "report/report.html").exists()
    assert run("git", "status", "--short", cwd=fresh).stdout == ""
    assert "are sound" in run("python", "-m", "stages.mend", cwd=fresh).stdout


def test_the_bundle_is_small_and_holds_nothing_else(fresh):
    assert sum(path.stat().st_size for path in objects(fresh)) <= LIMIT
    dvc(fresh, "fetch")
    cache = fresh / ".dvc/cache"
    needed = {path.relative_to(cache) for path in cache.rglob("*") if path.is_file()}
    assert {path.relative_to(fresh / "bundle") for path in objects(fresh)} == needed


@pytest.mark.parametrize("read_only", [False, True])
def test_a_flipped_byte_is_noticed_and_mended_by_git(fresh, read_only):
    victim = max(objects(fresh), key=lambda path: path.stat().st_size)
    content = bytearray(victim.read_bytes())
    content[len(content) // 2] ^= 1
    victim.write_bytes(content)
    victim.chmod(0o444 if read_only else 0o644)  # DVC leaves objects read-only, and then looks less closely
    pulled = run("dvc", "pull", cwd=fresh)
    assert pulled.returncode != 0
    assert "Checkout failed" in pulled.stderr
    assert run("git", "restore", "bundle", cwd=fresh).returncode == 0
    dvc(fresh, "pull")
    assert stages_run(dvc(fresh, "repro")) == set()


def test_a_missing_object_is_noticed(fresh):
    objects(fresh)[0].unlink()
    assert run("dvc", "pull", cwd=fresh).returncode != 0
