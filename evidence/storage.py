"""Evidence files, kept under the digest of their bytes.

A file is written here before its row: a change that is refused, or a process that is killed,
leaves at most bytes that no row names, never a row without its bytes. Nothing here reads a file
for its meaning.
"""

import errno
import fcntl
import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.core.files import File
from django.core.files.storage import FileSystemStorage, Storage, storages

from audit import clock
from audit.refusals import Reason, Refused
from evidence import archives, incoming, rules
from evidence.incoming import Part

CHUNK = 256 * 1024
#: Bytes that no row names are left alone for this long: somebody may be about to name them.
ORPHANED_AFTER = timedelta(days=1)


class TooLarge(Refused):
    """A file, or all files together, are larger than may be kept."""

    status = 413


class NoRoom(Refused):
    """The storage is full."""

    status = 507


class Away(Refused):
    """The storage does not do what it is asked to."""

    status = 503


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
    reasons, uploads = [], list(uploads)
    for upload in uploads:
        name = rules.clean_name(upload.name or "")
        if error := getattr(upload, "error", None):
            reasons.append(_failure(error, name))
            continue
        reasons += rules.file_problems(
            name, _head(upload), size=upload.size, limit=settings.EVIDENCE_FILE_MAX_BYTES
        )
    return reasons + rules.files_problems(
        [upload.size or 0 for upload in uploads],
        most=settings.EVIDENCE_ITEM_MAX_FILES,
        limit=settings.EVIDENCE_ITEM_MAX_BYTES,
    )


#: Code of a reason -> what is raised when it is among several; the first that is found decides.
_RAISED = {
    "STORAGE_FULL": NoRoom,
    "STORAGE_FAILED": Away,
    "FILE_TOO_LARGE": TooLarge,
    "FILES_TOO_LARGE": TooLarge,
    "FILES_OF_SUBJECT": TooLarge,
}


def refuse(reasons: list[Reason]) -> None:
    """Raise what the gravest of the reasons asks for: no room, too large, or `Refused`."""
    if reasons:
        codes = {reason.code for reason in reasons}
        raised = next((_RAISED[code] for code in _RAISED if code in codes), Refused)
        raise raised(reasons)


def keep(uploads: Iterable) -> list[Kept]:
    """Put files into the storage and return what their rows say; each is read once, in chunks.

    Raises `Refused` for a file that is not taken, `TooLarge` for one over the limit, `NoRoom`
    when the storage is full and `Away` when it fails; what an upload raises is passed on.
    """
    uploads = list(uploads)
    refuse(judge(uploads))
    parts: list[Part] = []
    try:
        named = []
        for upload in uploads:
            name = rules.clean_name(upload.name or "")
            part = getattr(upload, "part", None) or _spooled(upload, name, parts)
            named.append((name, part))
        refuse([reason for name, part in named for reason in archives.problems(name, part.path)])
        return [_keep(name, part) for name, part in named]
    finally:
        for part in parts:
            part.discard()


@contextmanager
def not_swept() -> Iterator[None]:
    """Keep files that have no row yet from being swept, until the block ends.

    In a folder, by a lock that ends with its process; in other storages nothing is swept that was
    put there within a day, and putting it there again makes it new.
    """
    with _locked(fcntl.LOCK_SH):
        yield


def sweep(sha256: str, is_named) -> bool:
    """Delete the bytes of a digest unless they are new or `is_named(sha256)`; return whether."""
    kept, path = storage(), path_of(sha256)
    with _locked(fcntl.LOCK_EX):
        if is_new(path) or is_named(sha256):
            return False
        kept.delete(path)
    return True


def is_new(path: str) -> bool:
    """Whether something was put at a path lately, or is there no more."""
    try:
        return clock.now() - storage().get_modified_time(path) < ORPHANED_AFTER
    except FileNotFoundError:
        return True


@contextmanager
def _locked(how: int) -> Iterator[None]:
    kept = storage()
    if not isinstance(kept, FileSystemStorage):
        yield
        return
    try:
        incoming.make_folder(incoming.folder())
        descriptor = os.open(incoming.folder() / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise _raised(error) from error
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)


class NotSound(Exception):
    """The bytes of a digest are lost, cannot be read, or are others."""


def open_file(sha256: str) -> BinaryIO:
    """Open the bytes of a digest for reading. Raises `FileNotFoundError` when they are lost."""
    return storage().open(path_of(sha256), "rb")


def open_sound(sha256: str) -> BinaryIO:
    """Open the bytes of a digest once they were read and are those. Raises `NotSound`."""
    kept = f"The bytes kept under sha256:{sha256[:6]}…{sha256[-4:]}"
    try:
        file = open_file(sha256)
        found, _ = _digest_of(file)
        file.seek(0)
    except Exception as error:
        # Each storage has errors of its own.
        raise NotSound(f"{kept} cannot be read.") from error
    if found != sha256:
        file.close()
        raise NotSound(f"{kept} are not those that were given.")
    return file


def digest_of(sha256: str) -> tuple[str, int]:
    """Read the bytes kept under a digest and return the digest and size that they really have.

    Raises `FileNotFoundError` when they are lost, `OSError` when they cannot be read.
    """
    with open_file(sha256) as file:
        return _digest_of(file)


def _digest_of(file: BinaryIO) -> tuple[str, int]:
    hashed, size = hashlib.sha256(), 0
    while chunk := file.read(CHUNK):
        hashed.update(chunk)
        size += len(chunk)
    return hashed.hexdigest(), size


def is_reachable() -> bool:
    """Whether the storage answers at all; a folder that is gone was not emptied, it is away."""
    kept = storage()
    return not isinstance(kept, FileSystemStorage) or Path(kept.location).is_dir()


def _head(upload) -> bytes:
    if part := getattr(upload, "part", None):
        return part.head
    upload.seek(0)
    head = upload.read(rules.HEAD)
    upload.seek(0)
    return head


def _spooled(upload, name: str, parts: list[Part]) -> Part:
    """Write an upload that lies elsewhere to a part; stop at the limit, whatever was declared."""
    limit = settings.EVIDENCE_FILE_MAX_BYTES
    part = _written(Part, limit)
    parts.append(part)
    upload.seek(0)
    for chunk in upload.chunks(CHUNK):
        _written(part.write, chunk)
        if part.is_too_large:
            raise TooLarge(rules.too_large(name, limit))
    _written(part.finish)
    return part


def _written(step, *args):
    try:
        return step(*args)
    except OSError as error:
        raise _raised(error) from error


def _keep(name: str, part: Part) -> Kept:
    kept, path = storage(), path_of(part.sha256)
    if isinstance(kept, FileSystemStorage):
        _written(_move, part.path, Path(kept.path(path)))
    else:
        _put(kept, path, part)
    kind = rules.file_type(name) or rules.FileType()
    return Kept(name, part.size, part.sha256, kind.content_type)


def _move(part: Path, target: Path) -> None:
    """Move a part under its digest: no reader ever sees half a file."""
    incoming.make_folder(target.parent)
    # The same bytes may be there already: moving over them keeps them once, and mends them.
    part.replace(target)
    incoming.sync(target.parent)


def _put(kept: Storage, path: str, part: Part) -> None:
    """Put a part into a storage that is no folder: once, and anew where the sweeper may come."""
    try:
        if kept.exists(path) and clock.now() - kept.get_modified_time(path) < ORPHANED_AFTER / 2:
            return
        with part.path.open("rb") as file:
            saved = kept.save(path, File(file, name=path))
        if saved != path:
            kept.delete(saved)  # the same bytes are there already
    except Exception as error:
        # Each storage has errors of its own; what they are called is for the log.
        raise _raised(error) from error


def _raised(error: Exception) -> Refused:
    reason = _failure(error)
    return _RAISED[reason.code](reason)


def _failure(error: Exception, name: str = "") -> Reason:
    """Say in words why the storage did not take a file."""
    kept = f"“{name}” was" if name else "The files were"
    if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
        return Reason(
            "STORAGE_FULL",
            f"{kept} not kept: the storage for evidence is full. Nothing was recorded; tell "
            "whoever runs Gatehouse, then give it again.",
            "files",
        )
    return Reason(
        "STORAGE_FAILED",
        f"{kept} not kept: the storage for evidence does not answer as it must. Nothing was "
        "recorded; try again.",
        "files",
    )
