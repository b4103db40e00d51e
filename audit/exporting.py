"""The log as files that anybody can check: entries, checkpoints, keys, a manifest and the checker.

An export is written from the first entry to the last, once, in chunks by key: into a folder, or
into a ZIP archive that may be a pipe. It ends where the newest checkpoint ends, if there is one.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from audit import change, checkpoints, keys, tree
from audit.models import Checkpoint, Entry, LogExport
from audit.rules import canonical, instant_text
from audit.sinks import line_of
from audit.verify_audit import CHECKPOINTS, ENTRIES, KEYS, MANIFEST

#: Entries that are held at a time.
CHUNK = 1000
SCHEMA = "gatehouse.export/1"
CHECKER, README, SUMS = "verify_audit.py", "README.txt", "SHA256SUMS"
#: The files of an archive have no time of their own: what differs between two differs in them.
ARCHIVE_TIME = (1980, 1, 1, 0, 0, 0)

TO_READ = """\
The log of {origin}, {size} entries, root {root}.

Check it with verify_audit.py: Python 3.11 and the package cryptography, nothing else.

    python verify_audit.py export . --keys KEYS --checkpoint CHECKPOINT

KEYS are the public keys of the server, best those that you kept from an earlier day
({address}/.well-known/gatehouse-keys.json). keys.json in here came from whoever made this export,
and so did this copy of verify_audit.py: where you do not trust them, take both from elsewhere.
CHECKPOINT is what left the server before: a receipt, a pulled checkpoint, the checkpoint file.

entries.ndjson      one entry a line: the very bytes that are hashed. The leaf of an entry is
                    SHA-256 over a zero byte and its line without the line break (RFC 6962).
checkpoints.ndjson  signed notes (C2SP tlog-checkpoint), one a line.
keys.json           the public keys that signed here, as a JWK Set.
manifest.json       size, root, and the SHA-256 of every file.
SHA256SUMS          the same for `sha256sum --check SHA256SUMS`.

What holds shows that these are the bytes that were signed, in the order in which they came. It
shows neither that what people entered was true, nor what came after the last checkpoint. Whoever
holds the database, the signing key and every checkpoint can write another log.
"""


class Target(Protocol):
    """Where files of an export are written, one after the other."""

    def file(self, name: str): ...


class Folder:
    """A folder that does not exist yet, or is empty."""

    def __init__(self, path: Path):
        path.mkdir(parents=True, exist_ok=True)
        if any(path.iterdir()):
            raise FileExistsError(f"{path} is not empty. Name a new folder.")
        self._path = path

    @contextmanager
    def file(self, name: str) -> Iterator[IO[bytes]]:
        with (self._path / name).open("xb") as file:
            yield file


class Archive:
    """A ZIP archive written straight through, to a file or to a pipe."""

    def __init__(self, out: IO[bytes]):
        self._zip = zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=6)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self._zip.close()

    @contextmanager
    def file(self, name: str) -> Iterator[IO[bytes]]:
        info = zipfile.ZipInfo(name, ARCHIVE_TIME)
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = 0o644 << 16
        with self._zip.open(info, "w", force_zip64=True) as file:
            yield file


@dataclass(frozen=True)
class Exported:
    """What was written."""

    size: int
    root: str
    files: dict[str, dict]


def covered() -> tuple[int, Checkpoint | None]:
    """Return how many entries an export holds: to the newest checkpoint, or all without one."""
    last = checkpoints.latest()
    return (last.size, last) if last else (tree.state().size, None)


def export(target: Target, size: int) -> Exported:
    """Write the first `size` entries into `target` and return what was written. Raises `OSError`.

    Nothing is locked meanwhile: entries never change, and those that come later stay out.
    """
    writing = steps(target, size)
    while True:
        try:
            next(writing)
        except StopIteration as end:
            return end.value


def stream(size: int) -> Iterator[bytes]:
    """Yield the archive of an export piece by piece, as it is made: for who downloads it."""
    out = _Pieces()
    with Archive(out) as target:
        for _ in steps(target, size):
            yield out.taken()
    yield out.taken()


class _Pieces(io.RawIOBase):
    """What was written since it was last taken; it cannot be sought in, like a pipe."""

    def __init__(self):
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        taken, self._pieces = b"".join(self._pieces), []
        return taken


def steps(target: Target, size: int) -> Generator[None, None, Exported]:
    """Write an export, pausing after each chunk of entries; its value is what was written."""
    files: dict[str, dict] = {}
    with summed(target, ENTRIES, files) as write:
        for lines in entry_lines(size):
            write(lines)
            yield
    with summed(target, CHECKPOINTS, files) as write:
        for line in checkpoint_lines(size):
            write(line)
    root = f"sha256:{tree.root_at(size).hex()}"
    whole(target, KEYS, public_keys(), files)
    whole(target, CHECKER, checker(), files)
    whole(target, README, _readme(size, root), files)
    sums = "".join(f"{one['sha256']}  {name}\n" for name, one in files.items())
    whole(target, SUMS, sums.encode(), files)
    manifest = {
        "schema": SCHEMA,
        "origin": checkpoints.origin(),
        "size": size,
        "root": root,
        "files": files,
    }
    with target.file(MANIFEST) as file:
        file.write(json.dumps(manifest, indent=2, sort_keys=True).encode() + b"\n")
    return Exported(size, root, files)


def record(size: int, root: str, *, actor, reason: str) -> LogExport:
    """Keep that the log is exported, and by whom: an entry of its own."""
    with change(actor=actor, reason=reason) as opened:
        return opened.save(
            LogExport(size=size, root=root, made_at=opened.now), event="log.exported"
        )


def entry_lines(size: int) -> Iterator[bytes]:
    """Yield the first `size` entries as lines, a query for each chunk."""
    last = -1
    while True:
        rows = Entry.objects.filter(seq__gt=last, seq__lt=size).order_by("seq")
        page = list(rows.values_list("seq", "body")[:CHUNK])
        if not page:
            return
        yield b"".join(b"%s\n" % body.encode() for _, body in page)
        last = page[-1][0]


def checkpoint_lines(size: int) -> Iterator[bytes]:
    """Yield the checkpoints over at most `size` entries as lines."""
    last = 0
    while True:
        rows = Checkpoint.objects.filter(pk__gt=last, size__lte=size).order_by("pk")
        page = list(rows[:CHUNK])
        if not page:
            return
        yield from (line_of(one) for one in page)
        last = page[-1].pk


def public_keys() -> bytes:
    """Return every public key that ever signed here, with when it was retired."""
    try:
        found = [
            {**one.jwk, "retired_at": one.retired_at and instant_text(one.retired_at)}
            for one in keys.every()
        ]
    except keys.NoKey:
        found = []
    return canonical({"keys": found}) + b"\n"


def checker() -> bytes:
    """Return the bytes of `verify_audit.py`."""
    return (Path(__file__).parent / CHECKER).read_bytes()


def _readme(size: int, root: str) -> bytes:
    from django.conf import settings

    return TO_READ.format(
        origin=checkpoints.origin(), size=size, root=root, address=settings.GATEHOUSE_URL
    ).encode()


@contextmanager
def summed(target: Target, name: str, files: dict[str, dict]) -> Iterator[Callable]:
    """Write a file and note its SHA-256 and length in `files`."""
    summed, length = hashlib.sha256(), 0
    with target.file(name) as file:

        def write(data: bytes) -> None:
            nonlocal length
            summed.update(data)
            length += len(data)
            file.write(data)

        yield write
    files[name] = {"sha256": summed.hexdigest(), "bytes": length}


def whole(target: Target, name: str, data: bytes, files: dict[str, dict]) -> None:
    with summed(target, name, files) as write:
        write(data)
