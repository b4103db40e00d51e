"""Files on their way in: each is hashed while it is written to a local file, once.

The local file lies in the evidence folder, so that it becomes evidence by a rename; where the
storage is no folder, in the data folder. Whoever dies on the way leaves a file
that no row names and no page shows; `evidence.sweeping` removes it.
"""

import hashlib
import os
import weakref
from pathlib import Path
from uuid import uuid4

from django.conf import settings
from django.core.files.storage import FileSystemStorage, storages

from evidence import rules

SUFFIX = ".part"


def folder() -> Path:
    """Return the folder of files on their way in; whether it is there yet is not asked."""
    kept = storages["evidence"]
    if isinstance(kept, FileSystemStorage):
        return Path(kept.path("incoming"))
    return settings.DATA_DIR / "incoming"


def make_folder(path: Path) -> None:
    """Make a folder with its parents and sync each parent that got a new entry."""
    missing, parent = [], path
    while not parent.is_dir():
        missing.append(parent)
        parent = parent.parent
    for new in reversed(missing):
        new.mkdir(mode=0o700, exist_ok=True)
        sync(new.parent)


def sync(path: Path) -> None:
    """Make the entries of a folder survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Part:
    """A local file while it is written: its size in bytes, its digest and its first bytes.

    Over `limit` bytes nothing more is kept, but all that comes is still counted. The file is gone
    with `discard`, or with the object, unless somebody moved it away.
    """

    def __init__(self, limit: int):
        make_folder(folder())
        self.path = folder() / f"{uuid4().hex}{SUFFIX}"
        self.limit, self.size, self.head = limit, 0, b""
        self._hashed = hashlib.sha256()
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._file = os.fdopen(descriptor, "wb", buffering=0)
        self.discard = weakref.finalize(self, _discard, self._file, self.path)

    @property
    def sha256(self) -> str:
        """The digest over all that was written."""
        return self._hashed.hexdigest()

    @property
    def is_too_large(self) -> bool:
        """Whether more came than may be kept."""
        return self.size > self.limit

    def write(self, chunk) -> None:
        """Write and hash one chunk. Raises `OSError` when the disk does."""
        self.size += len(chunk)
        if len(self.head) < rules.HEAD:
            self.head += bytes(chunk[: rules.HEAD - len(self.head)])
        if self.is_too_large:
            self.discard()
            return
        self._hashed.update(chunk)
        view = memoryview(chunk)
        while view:
            view = view[self._file.write(view) :]

    def finish(self) -> None:
        """Make what was written survive a power cut."""
        if not self.is_too_large:
            os.fsync(self._file.fileno())
            self._file.close()


def _discard(file, path: Path) -> None:
    file.close()
    path.unlink(missing_ok=True)
