"""Members of zip archives, compared with what Python's zipfile says."""

import io
import random
import zlib
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

import pytest

from eurosat_transfer.io.zip_directory import list_members, read_member

CONTENTS = {"a.jpg": b"first", "folder/zwölf.png": b"2" * 5000, "empty.jpg": b""}


def write(path, method=ZIP_DEFLATED, before=b"", comment=b"", wide=False):
    buffer = io.BytesIO()
    with ZipFile(buffer, "w", method) as archive:
        archive.mkdir("folder")
        for name, content in CONTENTS.items():
            with archive.open(name, "w", force_zip64=wide) as member:
                member.write(content)
        archive.comment = comment
    path.write_bytes(before + buffer.getvalue())
    return path


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"method": ZIP_STORED},
        {"before": b"#!/bin/sh\n" * 9},
        {"comment": b"a comment with PK\5\6 in it, and more than 22 bytes after that"},
        {"comment": b"c" * 65_535},
        {"wide": True},
    ],
    ids=["deflated", "stored", "after a program", "signature in comment", "long comment", "64 bits"],
)
def test_members_are_those_of_zipfile(tmp_path, options):
    path = write(tmp_path / "a.zip", **options)
    members = {member.name: member for member in list_members(path)}
    assert set(members) == {"folder/", *CONTENTS}
    assert {name: read_member(path, members[name]) for name in CONTENTS} == CONTENTS


def test_sizes_of_64_bits_are_read(tmp_path):
    """zipfile writes them only for archives above 4 GB, so they are put into a small one."""
    path = write(tmp_path / "a.zip")
    with ZipFile(path) as archive:
        (expected,) = (info for info in archive.infolist() if info.filename == "a.jpg")
        start = archive.start_dir
    content = path.read_bytes()
    entry = content.index(b"PK\1\2", content.index(b"a.jpg", start) - 46)
    wide = [expected.file_size, expected.compress_size, expected.header_offset]
    extra = b"\x07\x00\x02\x00xx" + b"\1\0\x18\0" + b"".join(number.to_bytes(8, "little") for number in wide)
    name_end = entry + 46 + len("a.jpg")
    record = bytearray(content[entry:name_end])
    record[20:28], record[42:46], record[30:32] = b"\xff" * 8, b"\xff" * 4, len(extra).to_bytes(2, "little")
    end = content.rindex(b"PK\5\6")
    directory = content[start:entry] + bytes(record) + extra + content[name_end:end]
    count = int.from_bytes(content[end + 10 : end + 12], "little")
    end_64 = b"PK\6\6" + (44).to_bytes(8, "little") + bytes(12)
    end_64 += b"".join(number.to_bytes(8, "little") for number in (count, count, len(directory), start))
    locator = b"PK\6\7" + bytes(4) + (start + len(directory)).to_bytes(8, "little") + (1).to_bytes(4, "little")
    last = b"PK\5\6" + bytes(4) + b"\xff" * 12 + bytes(2)
    path.write_bytes(content[:start] + directory + end_64 + locator + last)
    with ZipFile(path) as archive:
        assert archive.read("a.jpg") == b"first", "zipfile can read this archive"
    members = {member.name: member for member in list_members(path)}
    assert {name: read_member(path, members[name]) for name in CONTENTS} == CONTENTS


def test_a_file_that_is_no_archive_is_refused(tmp_path):
    path = tmp_path / "a.zip"
    for content in (b"", b"no archive" * 99, write(tmp_path / "b.zip").read_bytes()[:-30]):
        path.write_bytes(content)
        with pytest.raises(BadZipFile):
            list(list_members(path))


def test_damaged_members_are_refused(tmp_path):
    path = write(tmp_path / "a.zip", ZIP_STORED)
    path.write_bytes(path.read_bytes().replace(b"first", b"FIRST"))
    (member,) = (member for member in list_members(path) if member.name == "a.jpg")
    with pytest.raises(BadZipFile, match="does not fit its checksum"):
        read_member(path, member)
    with pytest.raises(BadZipFile, match="no member where"):
        read_member(path, member._replace(offset=member.offset + 1))


def test_a_member_that_unpacks_to_more_than_it_declares_is_not_unpacked(tmp_path):
    path = tmp_path / "a.zip"
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        archive.writestr("a.jpg", bytes(10**7))
    (member,) = list_members(path)
    with pytest.raises(BadZipFile, match="does not fit"):
        read_member(path, member._replace(size=100, crc=zlib.crc32(bytes(100))))


def test_encrypted_members_and_other_compressions_are_refused(tmp_path):
    path = tmp_path / "a.zip"
    with ZipFile(path, "w", ZIP_BZIP2) as archive:
        archive.writestr("a.jpg", b"content")
    (member,) = list_members(path)
    with pytest.raises(BadZipFile, match="allowed: stored, deflated"):
        read_member(path, member)
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(content)
    (member,) = list_members(path)
    with pytest.raises(BadZipFile, match="encrypted"):
        read_member(path, member)


def test_damage_anywhere_raises_nothing_but_bad_zip_file(tmp_path):
    content, rng = write(tmp_path / "a.zip").read_bytes(), random.Random(0)
    path = tmp_path / "damaged.zip"
    for _ in range(500):
        damaged = bytearray(content)
        for _ in range(rng.randint(1, 4)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        path.write_bytes(damaged)
        try:
            for member in list_members(path):
                if member.size < 10**6 and member.packed < 10**6:
                    read_member(path, member)
        except BadZipFile:
            continue


def test_names_without_utf_8_are_those_of_zipfile(tmp_path):
    path = tmp_path / "a.zip"
    with ZipFile(path, "w") as archive:
        archive.writestr(ZipInfo("n\x84me.jpg".encode().decode()), b"x")
    content = path.read_bytes().replace(b"n\xc2\x84me", b"n\x84mee")
    for at in (content.index(b"PK\3\4") + 7, content.index(b"PK\1\2") + 9):  # without the flag for UTF-8
        content = content[:at] + bytes([content[at] & ~8]) + content[at + 1 :]
    path.write_bytes(content)
    with ZipFile(path) as archive:
        assert [member.name for member in list_members(path)] == archive.namelist()
