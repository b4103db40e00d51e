"""Archives, judged by what they say of themselves, never unpacked.

The judging is a program of its own, run for one file under limits of memory and time: whatever an
archive does to it, the web process goes on. Run as a script it needs nothing but Python.
"""

import json
import subprocess
import sys
from pathlib import Path

#: Extension -> the kind of archive; the others are not judged here.
KINDS = {"docx": "office", "eval": "log", "gz": "gzip", "xlsx": "office", "zip": "zip"}

MEBIBYTE = 1024**2
#: Kind -> most members and bytes once unpacked. A log has a member for each sample.
MOST = {
    "zip": (1_000, 200 * MEBIBYTE),
    "office": (1_000, 200 * MEBIBYTE),
    "log": (20_000, 1024 * MEBIBYTE),
    "gzip": (1, 200 * MEBIBYTE),
}
#: Above this size, what is unpacked is at most this many times what is packed.
FREE, RATIO = 64 * MEBIBYTE, 50

SECONDS = 20
MEMORY = 512 * MEBIBYTE
#: Bytes of the record at the end of a zip without a comment.
_END = 22


def problems(name: str, path: Path) -> list:
    """Return why an archive is not taken; nothing for a file that is none."""
    from audit.refusals import Reason

    kind = KINDS.get(name.rpartition(".")[2].lower())
    if kind is None:
        return []
    if problem := _judged_apart(kind, path):
        return [Reason("FILE_ARCHIVE", f"“{name}” {problem}", "files")]
    return []


def _judged_apart(kind: str, path: Path) -> str:
    """Run this module on a file and return the problem that it finds, or nothing."""
    try:
        told = subprocess.run(  # noqa: S603 - our own program; the path is one that we made
            [sys.executable, "-I", "-S", __file__, kind, path],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=True,
        )
        return str(json.loads(told.stdout))
    except (subprocess.SubprocessError, ValueError):
        return "cannot be judged within the limits of time and memory. Give its parts instead."


# What runs apart


def judged(kind: str, path: str) -> str:
    """Return what is wrong with an archive, to be read after its name, or nothing."""
    import zipfile
    import zlib

    try:
        return _gzip(path) if kind == "gzip" else _zip(kind, path)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, OSError, ValueError, EOFError):
        return "is broken or is no archive of its kind. Pack it anew."


def _gzip(path: str) -> str:
    """Count what would come out, a little at a time, and keep none of it."""
    import zlib

    packed, unpacked = Path(path).stat().st_size, 0
    with open(path, "rb") as file:  # noqa: PTH123 - nothing but what is built in
        stream = zlib.decompressobj(wbits=31)
        while chunk := stream.unconsumed_tail or file.read(65536):
            unpacked += len(stream.decompress(chunk, 65536))
            if problem := _too_much("gzip", unpacked, packed):
                return problem
            if stream.eof:
                if stream.unused_data or file.read(1):
                    return "has something behind its end. Pack it anew."
                return ""
    return "is cut off. Pack it anew."


def _zip(kind: str, path: str) -> str:
    """Judge a zip by its central directory."""
    import struct
    import zipfile

    most, _ = MOST[kind]
    with open(path, "rb") as file:  # noqa: PTH123
        packed = file.seek(0, 2)
        if packed < _END:
            return "is broken or is no archive of its kind. Pack it anew."
        file.seek(packed - _END)
        end = file.read(_END)
        if not end.startswith(b"PK\x05\x06"):
            return "is cut off or has something behind its end. Pack it anew."
        # How many there are is said before they are listed: a bomb may list millions.
        if struct.unpack("<H", end[10:12])[0] > most:
            return f"has more than {most} members. Give it in parts."
        with zipfile.ZipFile(file) as archive:
            members, start = archive.infolist(), archive.start_dir
    if not members:
        return "is empty. Give what should be in it."
    if len(members) > most:
        return f"has more than {most} members. Give it in parts."
    for problem in (
        _too_much(kind, sum(member.file_size for member in members), packed),
        _overlapping(members, start),
        *map(_member_problem, members),
    ):
        if problem:
            return problem
    names = [member.filename for member in members]
    if len(set(names)) != len(names):
        return "has two members of one name. Pack it anew."
    return _office_problem(names) if kind == "office" else ""


def _too_much(kind: str, unpacked: int, packed: int) -> str:
    most = MOST[kind][1]
    if unpacked > most:
        return f"has more than {most // MEBIBYTE} MiB once unpacked. Give it in parts."
    if unpacked > FREE and unpacked > RATIO * packed:
        return f"grows more than {RATIO} times when unpacked. Give what is in it."
    return ""


def _overlapping(members: list, start: int) -> str:
    """Members that share bytes let a small file unpack to a huge one."""
    end = 0
    for member in sorted(members, key=lambda one: one.header_offset):
        if member.header_offset < end:
            return "has members that lie over each other. Pack it anew."
        if not end and member.header_offset:
            return "has something before its beginning. Pack it anew."
        code = "utf-8" if member.flag_bits & 0x800 else "cp437"
        name = len(member.orig_filename.encode(code))
        end = member.header_offset + 30 + name + member.compress_size
    return "has members that lie over each other. Pack it anew." if end > start else ""


def _member_problem(member) -> str:
    name = member.orig_filename.replace("\\", "/")
    shown = json.dumps(name[:80])
    if (
        name.startswith("/")
        or name[1:2] == ":"
        or ".." in name.split("/")
        or any(ord(char) < 32 for char in name)
    ):
        return f"has a member whose name leads elsewhere: {shown}. Pack it anew."
    if member.external_attr >> 16 & 0o170000 == 0o120000:
        return f"has a link in it: {shown}. Pack the file itself."
    if member.flag_bits & 1:
        return "is encrypted, so nobody could review it. Give it open."
    return ""


def _office_problem(names: list[str]) -> str:
    if "[Content_Types].xml" not in names:
        return "is no document of its kind. Give it under its real type."
    if any(name.lower().endswith(("vbaproject.bin", ".exe", ".dll")) for name in names):
        return "has macros or programs in it. Give it without, or as PDF."
    return ""


def _limit_oneself() -> None:
    import resource

    for what, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 16),
    ):
        resource.setrlimit(what, (most, most))


if __name__ == "__main__":
    _limit_oneself()
    try:
        print(json.dumps(judged(*sys.argv[1:])))
    except (MemoryError, RecursionError):
        sys.exit(1)
