"""The members of a zip archive, listed and read one by one, without holding the list in memory.

`zipfile` keeps an object for each member: 60 MB for 100,000 members.
"""

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile

# Records of the format, little-endian, and the fields that are read: APPNOTE 6.3.10, sections 4.3.7 to 4.3.16.
LOCAL = struct.Struct("<4s22xHH")  # signature, lengths of name and extra field
MEMBER = struct.Struct("<4s4x2H4x3I3H8xI")  # signature, flags, method, CRC-32, sizes, lengths, offset
END = struct.Struct("<4s6xH2IH")  # signature, members, size and offset of the directory, length of the comment
END_64 = struct.Struct("<4s28xQQQ")  # signature, members, size and offset of the directory
LOCATOR_64 = struct.Struct("<4s4xQ4x")  # signature, offset of END_64
MAX_COMMENT = 2**16  # bytes
EXTRA_64 = 1  # number of the extra field with sizes and offset of 64 bits
IN_EXTRA_64 = 2**32 - 1  # a size or an offset with this value is in that field
ENCRYPTED, UTF_8 = 1, 2**11  # flags


class Member(NamedTuple):
    """A file in a zip archive.

    Attributes:
        name: as the archive has it. A folder's name ends with a slash.
        offset: of its local header, in bytes.
        method: of its compression.
        packed: size in the archive in bytes.
        size: size after unpacking in bytes.
        crc: CRC-32 of its content.
        encrypted: whether a password is needed.
    """

    name: str
    offset: int
    method: int
    packed: int
    size: int
    crc: int
    encrypted: bool


def list_members(path: Path) -> Iterator[Member]:
    """List the members of a zip archive, in the order of its directory.

    Args:
        path: of the archive.

    Yields:
        Each member, files and folders.

    Raises:
        BadZipFile: the file is not a zip archive, or it is truncated or damaged.
        OSError: the file cannot be read.

    Source: PKWARE, APPNOTE.TXT 6.3.10.
    """
    with path.open("rb") as file:
        count, start, before = _find_directory(file)
        file.seek(start)
        for _ in range(count):
            yield _read_member(file, before)


def read_member(path: Path, member: Member) -> bytes:
    """Unpack one member. Several threads can read from one archive.

    Args:
        path: of the archive.
        member: as list_members describes it.

    Returns:
        The content.

    Raises:
        BadZipFile: the member is damaged or encrypted, or has another compression than DEFLATE.
        OSError: the file cannot be read.
    """
    if member.encrypted:
        raise BadZipFile("it is encrypted")
    if member.method not in (ZIP_STORED, ZIP_DEFLATED):
        raise BadZipFile("its compression is not supported; allowed: stored, deflated")
    with path.open("rb") as file:
        file.seek(member.offset)
        signature, *lengths = _unpack(LOCAL, file)
        if signature != b"PK\3\4":
            raise BadZipFile("the archive has no member where its directory says")
        file.seek(sum(lengths), os.SEEK_CUR)
        packed = file.read(member.packed)
    try:
        # The limit stops a member that declares less than it unpacks to. 0 would mean no limit.
        content = packed if member.method == ZIP_STORED else zlib.decompressobj(-15).decompress(packed, member.size + 1)
    except zlib.error as error:
        raise BadZipFile(f"it cannot be unpacked: {error}") from None
    if len(content) != member.size or zlib.crc32(content) != member.crc:
        raise BadZipFile("its content does not fit its checksum")
    return content


def _find_directory(file: BinaryIO) -> tuple[int, int, int]:
    """Find the directory of an archive: its number of members, its offset, and the bytes before the archive."""
    length = file.seek(0, os.SEEK_END)
    tail_start = max(0, length - END.size - MAX_COMMENT)
    file.seek(tail_start)
    tail = file.read()
    at = tail.rfind(b"PK\5\6", 0, len(tail) - END.size + 4)
    while at >= 0 and at + END.size + END.unpack_from(tail, at)[-1] != len(tail):  # this signature is in a comment
        at = tail.rfind(b"PK\5\6", 0, at)
    if at < 0:
        raise BadZipFile("it is not a zip file, or it is truncated")
    _, count, size, offset, _ = END.unpack_from(tail, at)
    end = tail_start + at
    if end >= LOCATOR_64.size:
        file.seek(end - LOCATOR_64.size)
        signature, _ = _unpack(LOCATOR_64, file)
        if signature == b"PK\6\7":
            end -= LOCATOR_64.size + 56  # the record before it, which has no extension
            file.seek(max(0, end))
            signature, count, size, offset = _unpack(END_64, file)
            if signature != b"PK\6\6":
                raise BadZipFile("its directory of 64 bits is damaged")
    before = end - size - offset  # a program that unpacks itself, for example
    if before < 0:
        raise BadZipFile("its directory is damaged")
    return count, before + offset, before


def _read_member(file: BinaryIO, before: int) -> Member:
    signature, flags, method, crc, packed, size, name_length, extra_length, comment_length, offset = _unpack(
        MEMBER, file
    )
    name, extra = file.read(name_length), file.read(extra_length)
    if signature != b"PK\1\2" or len(name) + len(extra) < name_length + extra_length:
        raise BadZipFile("its directory is damaged")
    file.seek(comment_length, os.SEEK_CUR)
    wide = _numbers_of_64_bits(extra)
    try:
        size, packed, offset = (next(wide) if value == IN_EXTRA_64 else value for value in (size, packed, offset))
        text = name.decode("utf-8" if flags & UTF_8 else "cp437")
    except (RuntimeError, StopIteration, UnicodeDecodeError):
        raise BadZipFile("its directory is damaged") from None
    return Member(text, before + offset, method, packed, size, crc, bool(flags & ENCRYPTED))


def _numbers_of_64_bits(extra: bytes) -> Iterator[int]:
    while len(extra) >= 4:
        number, length = struct.unpack_from("<HH", extra)
        if number == EXTRA_64:
            content = extra[4 : 4 + length]
            yield from (value for (value,) in struct.iter_unpack("<Q", content[: len(content) // 8 * 8]))
        extra = extra[4 + length :]


def _unpack(record: struct.Struct, file: BinaryIO) -> tuple:
    content = file.read(record.size)
    if len(content) < record.size:
        raise BadZipFile("it is truncated")
    return record.unpack(content)
