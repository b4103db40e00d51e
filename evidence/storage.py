"""Evidence files, kept under the digest of their bytes.

A file is written here before its row: a change that is refused, or a process that is killed,
leaves at most bytes that no row names, never a row without its bytes. Nothing here reads a file
for its meaning.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from django.conf import settings
from django.core.files import File
from django.core.files.storage import FileSystemStorage, Storage, storages

from audit.refusals import Reason, Refused
from evidence import rules

CHUNK = 256 * 1024


class TooLarge(Refused):
    """A file is larger than may be kept."""

    status = 413


@dataclass(frozen=True)
class Kept:
    """A file whose bytes are in the storage: cleaned name, size in bytes, digest, served type."""

    name: str
    size: int
    sha256: str
    content_type: str


def storage() -> Storage:
    """Return the storage that the setting `STORAGES["evidence"]` names."""
    return storages["evidence"]


def path_of(sha256: str) -> str:
    """Return where the bytes of a digest are kept, two folders deep so that none grows long."""
    return f"sha256/{sha256[:2]}/{sha256[2:4]}/{sha256}"


def judge(uploads: Iterable) -> list[Reason]:
    """Return why files cannot be kept, as far as their names, sizes and first bytes tell."""
    reasons = []
    for upload in uploads:
        reasons += rules.file_problems(
            rules.clean_name(upload.name or ""),
            _head(upload),
            size=upload.size,
            limit=settings.EVIDENCE_FILE_MAX_BYTES,
        )
    return reasons


def refuse(reasons: list[Reason]) -> None:
    """Raise `TooLarge` if one of the reasons is a file's size, `Refused` for any others."""
    if reasons:
        large = any(reason.code == "FILE_TOO_LARGE" for reason in reasons)
        raise (TooLarge if large else Refused)(reasons)


def keep(uploads: Iterable) -> list[Kept]:
    """Put files into the storage and return what their rows say; each is read once, in chunks.

    Raises `Refused` for a file of a type that is not taken, `TooLarge` for one over the limit,
    and `OSError` when the storage fails.
    """
    uploads = list(uploads)
    refuse(judge(uploads))
    return [_keep(upload) for upload in uploads]


def open_file(sha256: str) -> BinaryIO:
    """Open the bytes of a digest for reading. Raises `FileNotFoundError` when they are lost."""
    return storage().open(path_of(sha256), "rb")


def digest_of(sha256: str) -> tuple[str, int]:
    """Read the bytes kept under a digest and return the digest and size that they really have.

    Raises `FileNotFoundError` when they are lost, `OSError` when they cannot be read.
    """
    hashed, size = hashlib.sha256(), 0
    with open_file(sha256) as file:
        while chunk := file.read(CHUNK):
            hashed.update(chunk)
            size += len(chunk)
    return hashed.hexdigest(), size


def is_reachable() -> bool:
    """Whether the storage answers at all; a folder that is gone was not emptied, it is away."""
    kept = storage()
    return not isinstance(kept, FileSystemStorage) or Path(kept.location).is_dir()


def _head(upload) -> bytes:
    upload.seek(0)
    head = upload.read(rules.HEAD)
    upload.seek(0)
    return head


def _chunks(upload, name: str, hashed) -> Iterator[bytes]:
    """Yield the chunks of an upload, hashing them; stop at the limit, whatever was declared."""
    limit, size = settings.EVIDENCE_FILE_MAX_BYTES, 0
    upload.seek(0)
    for chunk in upload.chunks(CHUNK):
        size += len(chunk)
        if size > limit:
            raise TooLarge(rules.too_large(name, limit))
        hashed.update(chunk)
        yield chunk


def _keep(upload) -> Kept:
    name, hashed, kept = rules.clean_name(upload.name or ""), hashlib.sha256(), storage()
    if isinstance(kept, FileSystemStorage):
        size = _into_folder(kept, _chunks(upload, name, hashed), hashed)
    else:
        size = _into_storage(kept, _chunks(upload, name, hashed), hashed)
    kind = rules.file_type(name) or rules.FileType()
    return Kept(name, size, hashed.hexdigest(), kind.content_type)


def _into_folder(kept: FileSystemStorage, chunks: Iterator[bytes], hashed) -> int:
    """Write beside, sync, then move under the digest: no reader ever sees half a file."""
    incoming = Path(kept.path("incoming"))
    _make_folder(incoming)
    part = incoming / uuid4().hex
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            size = sum(map(file.write, chunks))
            file.flush()
            os.fsync(file.fileno())
        target = Path(kept.path(path_of(hashed.hexdigest())))
        _make_folder(target.parent)
        # The same bytes may be there already: moving over them keeps them once.
        part.replace(target)
        _sync(target.parent)
    finally:
        part.unlink(missing_ok=True)
    return size


def _into_storage(kept: Storage, chunks: Iterator[bytes], hashed) -> int:
    """Spool to a local file, since the name is known only when all is read; then put it once."""
    with tempfile.TemporaryFile() as file:
        size = sum(map(file.write, chunks))
        file.seek(0)
        path = path_of(hashed.hexdigest())
        if not kept.exists(path):
            saved = kept.save(path, File(file, name=path))
            if saved != path:
                kept.delete(saved)  # somebody else put the same bytes there meanwhile
    return size


def _make_folder(folder: Path) -> None:
    """Make a folder with its parents and sync each parent that got a new entry."""
    missing, parent = [], folder
    while not parent.is_dir():
        missing.append(parent)
        parent = parent.parent
    for new in reversed(missing):
        new.mkdir(mode=0o700, exist_ok=True)
        _sync(new.parent)


def _sync(folder: Path) -> None:
    """Make the entries of a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
