"""Atomic writes, and the errors of a file system that refuses them."""

import errno
import shutil
from pathlib import Path

import pytest

from eurosat_transfer.io import atomic
from eurosat_transfer.io.atomic import atomic_write, name_os_errors, require_free_space


def write_file(part: Path) -> None:
    part.write_text("new")


def write_folder(part: Path) -> None:
    part.mkdir()
    (part / "inside").write_text("new")


def content(path: Path) -> str:
    return path.read_text() if path.is_file() else (path / "inside").read_text()


@pytest.mark.parametrize(
    ("before", "write"),
    [
        (None, write_file),
        (None, write_folder),
        (write_file, write_file),
        (write_file, write_folder),
        (write_folder, write_folder),
    ],
)
def test_a_complete_block_replaces_what_was_there(tmp_path, before, write):
    if before:
        before(tmp_path / "x")
    with atomic_write(tmp_path / "x") as part:
        assert part.parent == tmp_path  # a rename is atomic only inside a file system
        write(part)
        assert (tmp_path / "x").exists() == bool(before)
    assert content(tmp_path / "x") == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


@pytest.mark.parametrize("write", [write_file, write_folder])
def test_a_failed_block_leaves_everything_unchanged(tmp_path, write):
    (tmp_path / "x").write_text("old")

    def fail(part: Path) -> None:
        write(part)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), atomic_write(tmp_path / "x") as part:
        fail(part)
    assert (tmp_path / "x").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_leftovers_of_a_killed_run_are_not_part_of_the_result(tmp_path):
    (tmp_path / ".part-x").mkdir()
    (tmp_path / ".part-x/half").write_text("old")
    with atomic_write(tmp_path / "x") as part:
        assert not part.exists()
        write_folder(part)
    assert [path.name for path in (tmp_path / "x").iterdir()] == ["inside"]


def test_missing_parents_are_created_and_a_link_is_replaced_not_followed(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/keep").write_text("old")
    with atomic_write(tmp_path / "a/b/x") as part:
        write_file(part)
    (tmp_path / "link").symlink_to("elsewhere")
    with atomic_write(tmp_path / "link") as part:
        write_file(part)
    assert (tmp_path / "a/b/x").read_text() == "new"
    assert not (tmp_path / "link").is_symlink()
    assert (tmp_path / "elsewhere/keep").read_text() == "old"


def test_a_link_to_a_folder_left_under_the_temporary_name_is_removed_not_followed(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/keep").write_text("old")
    (tmp_path / ".part-x").symlink_to("elsewhere")
    with atomic_write(tmp_path / "x") as part:
        write_file(part)
    assert (tmp_path / "elsewhere/keep").read_text() == "old"


def test_an_error_of_the_system_names_its_file(tmp_path):
    with (
        pytest.raises(OSError, match="No space left") as error,
        atomic_write(tmp_path / "x"),
        Path("/dev/full").open("w") as file,
    ):
        file.write("x")
    assert error.value.filename == str(tmp_path / "x")


def test_the_error_number_is_read_from_the_message_of_hdf5(tmp_path):
    with pytest.raises(OSError, match="No space left on device") as error, name_os_errors(tmp_path / "x"):
        raise OSError("Can't write (errno = 28, error message = 'No space left on device')")
    assert (error.value.errno, error.value.filename) == (errno.ENOSPC, str(tmp_path / "x"))


def test_an_error_that_names_its_file_or_has_no_number_is_left_alone(tmp_path):
    with pytest.raises(FileNotFoundError) as error, name_os_errors(tmp_path / "x"):
        (tmp_path / "other").read_text()
    assert error.value.filename == str(tmp_path / "other")
    with pytest.raises(OSError, match="^something else$") as error, name_os_errors(tmp_path / "x"):
        raise OSError("something else")
    assert error.value.errno is None


def test_too_little_space_is_an_error_before_anything_is_written(tmp_path, monkeypatch):
    require_free_space(tmp_path, 1)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(atomic.shutil, "disk_usage", lambda _: usage._replace(free=1000))
    require_free_space(tmp_path, 1000)
    with pytest.raises(OSError, match="No space left on device") as error:
        require_free_space(tmp_path, 1001)
    assert (error.value.errno, error.value.filename) == (errno.ENOSPC, str(tmp_path))
