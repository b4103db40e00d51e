"""Zip archives, judged by their central directory before a member is read. Pure.

Members are read one at a time, up to a limit, and never written anywhere. Deflate, Zstandard and
no compression at all are understood.
"""

import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import BinaryIO

import zstandard

from evidence.readers.result import Broken

MEBIBYTE = 1024**2
MOST_MEMBERS = 10_000
LARGEST_DIRECTORY = 8 * MEBIBYTE
LARGEST_WHOLE = 1024 * MEBIBYTE
#: Above this size in all, members may not be packed denser than 50 to 1.
FREE = 64 * MEBIBYTE
DENSEST = 50
ENCRYPTED = 0x1
DEFLATE, STORED, ZSTANDARD = zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED, 93
LARGEST_WINDOW = 128 * MEBIBYTE

_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
#: How far before the end the record of the long form begins, with its locator.
_LONG = _END64.size + 20
_LOCAL = struct.Struct("<4s5H3L2H")


def open_archive(file: BinaryIO) -> zipfile.ZipFile:
    """Return the archive in a file, judged. Raises `Broken` saying what is wrong with it."""
    _judge_directory(file)
    file.seek(0)
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error, OverflowError) as e:
        raise Broken(f"It is a zip archive that cannot be read: {str(e).rstrip('.')}.") from None
    if problem := problem_of(archive.infolist()):
        raise Broken(problem)
    return archive


def _judge_directory(file: BinaryIO) -> None:
    """Judge how long the central directory says it is, before it is read into memory."""
    size = file.seek(0, 2)
    file.seek(max(0, size - 65_536 - _END.size))
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        raise Broken("It is a zip archive without an end; it was cut off.")
    length = _END.unpack_from(tail, at)[5]
    # The record of the long form, where there is one, outdoes the short one.
    if at >= _LONG and tail[at - 20 : at].startswith(b"PK\x06\x07"):
        length = _END64.unpack_from(tail, at - _LONG)[8]
    if length > LARGEST_DIRECTORY:
        raise Broken(f"The archive lists more than {MOST_MEMBERS:,} members.")


def problem_of(members: list[zipfile.ZipInfo]) -> str:
    """Return why an archive is not read, by what its central directory says, or nothing."""
    if len(members) > MOST_MEMBERS:
        return f"The archive lists {len(members):,} members; at most {MOST_MEMBERS:,} are read."
    seen: set[str] = set()
    whole = packed = 0
    for member in members:
        name = member.filename
        if name in seen:
            return f"The archive has two members named “{name[:80]}”."
        seen.add(name)
        if (
            name.startswith(("/", "\\"))
            or ":" in name[:2]
            or ".." in name.replace("\\", "/").split("/")
        ):
            return f"The archive has a member that leads out of it: “{name[:80]}”."
        if stat.S_ISLNK(member.external_attr >> 16):
            return f"The archive has a link as a member: “{name[:80]}”."
        if member.flag_bits & ENCRYPTED:
            return f"The member “{name[:80]}” is encrypted."
        whole += member.file_size
        packed += member.compress_size
    if whole > LARGEST_WHOLE:
        return f"Unpacked, the archive has {whole // MEBIBYTE:,} MiB; at most 1,024 are read."
    if whole > FREE and whole > DENSEST * packed:
        return f"The archive is packed denser than {DENSEST} to 1, as no log is."
    return ""


def reader(archive: zipfile.ZipFile, name: str, limit: int) -> Callable[[int], bytes]:
    """Return `read(size)` over a member's bytes, which ends with an empty answer.

    It raises `Broken` when the member is not what the directory says: longer, shorter, or other
    bytes than its checksum stands for.
    """
    member = archive.getinfo(name)
    if member.file_size > limit:
        raise Broken(f"“{name}” has more than {limit // MEBIBYTE} MiB, the most that is read.")
    if member.compress_type not in (STORED, DEFLATE, ZSTANDARD):
        raise Broken(f"“{name}” is packed in a way that is not read: {member.compress_type}.")
    chunks = _unpacked(archive.fp, member)
    state = {"size": 0, "crc": 0}

    def read(size: int) -> bytes:
        try:
            chunk = next(chunks, b"")
        except (zstandard.ZstdError, zlib.error, EOFError, OSError) as error:
            raise Broken(f"“{name}” cannot be unpacked: {error}.") from None
        state["size"] += len(chunk)
        state["crc"] = zlib.crc32(chunk, state["crc"])
        done = not chunk
        if state["size"] > member.file_size or (done and state["size"] < member.file_size):
            raise Broken(f"“{name}” is not as long as the archive says.")
        if done and state["crc"] != member.CRC:
            raise Broken(f"“{name}” does not fit its checksum; the archive is damaged.")
        return chunk

    return read


def _unpacked(file: BinaryIO, member: zipfile.ZipInfo):
    """Yield the unpacked bytes of a member, a bounded piece at a time."""
    packed = _Span(file, _data_at(file, member), member.compress_size)
    size = 64 * 1024
    if member.compress_type == ZSTANDARD:
        unpacker = zstandard.ZstdDecompressor(max_window_size=LARGEST_WINDOW)
        source = unpacker.stream_reader(packed, read_across_frames=True)
        while chunk := source.read(size):
            yield chunk
    elif member.compress_type == DEFLATE:
        inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        while not inflate.eof and (data := inflate.unconsumed_tail or packed.read(size)):
            if chunk := inflate.decompress(data, size):
                yield chunk
        if rest := inflate.flush():
            yield rest
    else:
        while chunk := packed.read(size):
            yield chunk


def _data_at(file: BinaryIO, member: zipfile.ZipInfo) -> int:
    """Return where a member's bytes begin: after its local header, whose length varies."""
    file.seek(member.header_offset)
    header = file.read(_LOCAL.size)
    if len(header) < _LOCAL.size or not header.startswith(b"PK\x03\x04"):
        raise Broken(f"“{member.filename}” is not where the archive says.")
    *_, name, extra = _LOCAL.unpack(header)
    return member.header_offset + _LOCAL.size + name + extra


class _Span:
    """A part of a file as a file of its own."""

    def __init__(self, file: BinaryIO, at: int, size: int):
        self._file, self._at, self._left = file, at, size

    def read(self, size: int = -1) -> bytes:
        size = self._left if size < 0 else min(size, self._left)
        self._file.seek(self._at)
        data = self._file.read(size)
        self._at += len(data)
        self._left -= len(data)
        return data
