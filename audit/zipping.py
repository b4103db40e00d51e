"""ZIP archives whose every byte is settled before the first one is sent.

Files are stored, not compressed: the bytes depend on no version of a compressor, the length is
known beforehand, so that a browser shows how far a download is, and sending one costs no more than
reading its files. Sizes and checksums stand in front of each file, where programs that read a
stream look for them; what is too large for the old format is written as ZIP64.
"""

import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import IO

#: From here on a size or a place is written as ZIP64, and a number of files.
LARGE, MANY = 0xFFFFFFFF, 0xFFFF
#: What stands in the old place then.
ELSEWHERE, ELSEWHERE_TOO = 0xFFFFFFFF, 0xFFFF
#: 1 January 1980, midnight: the oldest time that an archive can name; its files have none.
TIMELESS = (0, 0x0021)
#: Made on Unix, by version 4.5 of the format.
MADE_BY, WITH_ZIP64, PLAIN, UTF_8 = 0x032D, 45, 20, 0x0800
READABLE = 0o100644 << 16
CHUNK = 256 * 1024


class Altered(Exception):
    """A file is not what it was when the archive was settled; nothing more may be sent."""


@dataclass(frozen=True)
class Member:
    """One file of an archive: its name, its length, and the CRC-32 of its bytes."""

    name: str
    size: int
    crc: int
    open: Callable[[], IO[bytes]]


def length(members: Iterable[Member]) -> int:
    """Return the length of an archive in bytes."""
    at, central, count = 0, 0, 0
    for one in members:
        central += len(_central(one, at))
        at += len(_local(one)) + one.size
        count += 1
    return at + central + len(_end(count, central, at))


def stream(members: Iterable[Member]) -> Iterator[bytes]:
    """Yield an archive, file by file. Raises `Altered`, and what opening and reading raise."""
    at, central, count = 0, [], 0
    for one in members:
        head = _local(one)
        yield head
        yield from _content(one)
        central.append(_central(one, at))
        at += len(head) + one.size
        count += 1
    whole = b"".join(central)
    yield whole
    yield _end(count, len(whole), at)


def _content(member: Member) -> Iterator[bytes]:
    crc, left = 0, member.size
    with member.open() as file:
        while left and (chunk := file.read(min(CHUNK, left))):
            crc, left = zlib.crc32(chunk, crc), left - len(chunk)
            yield chunk
        if left or crc != member.crc or file.read(1):
            raise Altered(f"{member.name} was changed while the archive was sent.")


def _narrow(value: int) -> int:
    return ELSEWHERE if value >= LARGE else value


def _local(member: Member) -> bytes:
    name, large = member.name.encode(), member.size >= LARGE
    extra = struct.pack("<HHQQ", 1, 16, member.size, member.size) if large else b""
    size = _narrow(member.size)
    return (
        struct.pack(
            "<IHHHHHIIIHH",
            0x04034B50,
            WITH_ZIP64 if large else PLAIN,
            UTF_8,
            0,
            *TIMELESS,
            member.crc,
            size,
            size,
            len(name),
            len(extra),
        )
        + name
        + extra
    )


def _central(member: Member, at: int) -> bytes:
    name = member.name.encode()
    wide = [member.size, member.size] if member.size >= LARGE else []
    wide += [at] if at >= LARGE else []
    extra = struct.pack(f"<HH{len(wide)}Q", 1, 8 * len(wide), *wide) if wide else b""
    size = _narrow(member.size)
    return (
        struct.pack(
            "<IHHHHHHIIIHHHHHII",
            0x02014B50,
            MADE_BY,
            WITH_ZIP64 if wide else PLAIN,
            UTF_8,
            0,
            *TIMELESS,
            member.crc,
            size,
            size,
            len(name),
            len(extra),
            0,
            0,
            0,
            READABLE,
            _narrow(at),
        )
        + name
        + extra
    )


def _end(count: int, central: int, at: int) -> bytes:
    found = b""
    if count >= MANY or central >= LARGE or at >= LARGE:
        found = struct.pack(
            "<IQHHIIQQQQ",
            0x06064B50,
            44,
            MADE_BY,
            WITH_ZIP64,
            0,
            0,
            count,
            count,
            central,
            at,
        ) + struct.pack("<IIQI", 0x07064B50, 0, at + central, 1)
    few = ELSEWHERE_TOO if count >= MANY else count
    near = _narrow(central), _narrow(at)
    return found + struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, few, few, *near, 0)
