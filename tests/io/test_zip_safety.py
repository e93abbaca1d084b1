"""Protection against zip archives that unpack to too much."""

import zipfile

import pytest

from eurosat_transfer.io import zip_safety
from eurosat_transfer.io.zip_safety import check_unpacked_size


def archive_of(path, compression=zipfile.ZIP_DEFLATED, **sizes):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, size in sizes.items():
            archive.writestr(name, bytes(size))
    return zipfile.ZipFile(path)


def test_small_archives_may_unpack_to_any_multiple_of_their_size(tmp_path, monkeypatch):
    monkeypatch.setattr(zip_safety, "ALWAYS_ALLOWED", 3000)
    archive = archive_of(tmp_path / "x.zip", a=1000, b=2000)
    check_unpacked_size(archive, archive.infolist())
    monkeypatch.setattr(zip_safety, "ALWAYS_ALLOWED", 2999)
    monkeypatch.setattr(zip_safety, "MAX_RATIO", 1)
    with pytest.raises(zipfile.BadZipFile, match="it unpacks to 3000 bytes; allowed for its size: 2999"):
        check_unpacked_size(archive, archive.infolist())
    check_unpacked_size(archive, archive.infolist()[:1])  # only the given members count


def test_large_archives_may_unpack_to_a_multiple_of_their_size(tmp_path, monkeypatch):
    monkeypatch.setattr(zip_safety, "ALWAYS_ALLOWED", 0)
    archive = archive_of(tmp_path / "x.zip", a=5000)
    packed = (tmp_path / "x.zip").stat().st_size
    monkeypatch.setattr(zip_safety, "MAX_RATIO", -(-5000 // packed))
    check_unpacked_size(archive, archive.infolist())
    monkeypatch.setattr(zip_safety, "MAX_RATIO", 5000 // packed - 1)
    with pytest.raises(zipfile.BadZipFile, match="it unpacks to 5000 bytes"):
        check_unpacked_size(archive, archive.infolist())


def test_the_bounds_are_a_quarter_of_a_gigabyte_and_twenty_times():
    assert (zip_safety.ALWAYS_ALLOWED, zip_safety.MAX_RATIO) == (268_435_456, 20)


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_stored_and_deflated_members_are_accepted(tmp_path, compression):
    archive = archive_of(tmp_path / "x.zip", compression, a=10)
    check_unpacked_size(archive, archive.infolist())


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions_are_refused(tmp_path, compression):
    archive = archive_of(tmp_path / "x.zip", compression, a=10)
    with pytest.raises(zipfile.BadZipFile, match="'a' has an unsupported compression .allowed: stored, deflated"):
        check_unpacked_size(archive, archive.infolist())
