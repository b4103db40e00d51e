"""What the readers make of a file that is kept, or brought: its bytes are read apart.

Reading goes on beside the request: a page waits a little and is told to come back for the rest.
"""

import hashlib
import logging
import os
import tempfile
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from threading import BoundedSemaphore, Lock, Thread
from typing import BinaryIO

from evidence import storage
from evidence.models import EvidenceFile
from evidence.readers import refused
from evidence.readers.child import Limits, read_open_file
from evidence.readers.result import Outcome, Result

log = logging.getLogger(__name__)

#: Files that one web process has read at a time; its other threads go on answering.
_SLOTS = BoundedSemaphore(2)
#: Files that may be asked for at a time, and results that are remembered.
MOST_WAITING, MOST_REMEMBERED = 8, 8
#: Seconds that a page waits, and that it waits when somebody has filled it in.
PATIENCE, MORE_PATIENCE = 8, 30

#: Digest -> what was made of it, or will be; the newest last.
_asked: OrderedDict[str, Future] = OrderedDict()
#: Digest -> the reading that is under way.
_under_way: dict[str, "_Way"] = {}
_lock = Lock()


@dataclass(frozen=True)
class _Way:
    """A file that a child reads, from an instant on (seconds of the monotonic clock)."""

    file: BinaryIO
    size: int
    since: float


@dataclass(frozen=True)
class Progress:
    """How far a reading is: the part read so far, in per cent; seconds since it began, and until
    it is given up."""

    percent: int
    seconds: int
    longest: int = Limits().clock


def progress_of(sha256: str) -> Progress | None:
    """Return how far the bytes of a digest are read; None while they wait for their turn."""
    with _lock:
        way = _under_way.get(sha256)
        if way is None:
            return None
        # The child has the same open file: where it stands is where the child is.
        read = os.lseek(way.file.fileno(), 0, os.SEEK_CUR)
    percent = 100 * min(read, way.size) // max(way.size, 1)
    return Progress(percent, int(time.monotonic() - way.since))


def read_kept(file: EvidenceFile, *, is_awaited: bool = False) -> Result | None:
    """Return what a file of an item says, or None while it is still being read.

    Never raises for what is in it: what cannot be read is refused in words. The same bytes say
    the same, so that what was read lately is not read again.
    """
    patience = MORE_PATIENCE if is_awaited else PATIENCE
    result = _asked_for(file.sha256, partial(_read, file.sha256), patience)
    return result and replace(result, file=file.name)


def read_brought(file: BinaryIO, sha256: str, name: str) -> Result | None:
    """Return what an open file of that digest says, or None while it is still being read.

    Asked again with the same bytes, it answers what came of the first reading. The file is closed
    when it is read.
    """
    result = _asked_for(sha256, partial(_read_and_close, file), MORE_PATIENCE)
    return result and replace(result, file=name)


def _asked_for(sha256: str, read: Callable[[], Result], patience: int) -> Result | None:
    with _lock:
        future = _asked.get(sha256)
        if future is None:
            if sum(not one.done() for one in _asked.values()) >= MOST_WAITING:
                sentence = "Other files are being read just now. Try again in a minute."
                return refused("", None, sentence)
            future = _asked[sha256] = Future()
            Thread(target=_read_into, args=(future, sha256, read), daemon=True).start()
        _asked.move_to_end(sha256)
        done = [key for key, one in _asked.items() if one.done() and one is not future]
        for key in done[: max(0, len(_asked) - MOST_REMEMBERED)]:
            del _asked[key]
    try:
        result = future.result(timeout=patience)
    except TimeoutError:
        return None
    if result.outcome is Outcome.REFUSED:
        # Next time the storage may answer, or the machine have more room.
        with _lock:
            _asked.pop(sha256, None)
    return result


def _read_into(future: Future, sha256: str, read: Callable[[], Result]) -> None:
    with _SLOTS:
        try:
            result = read()
        except Exception:
            # Each storage has errors of its own.
            log.exception("A file could not be read for its scores: sha256:%s", sha256)
            sentence = "Its bytes cannot be read from the storage. Tell an administrator."
            result = refused("", None, sentence)
    future.set_result(result)


def _read_and_close(file: BinaryIO) -> Result:
    with file:
        return read_open_file(file, "")


def _read(sha256: str) -> Result:
    """Copy the bytes while they are judged, then read the copy: a child gets what was judged."""
    with tempfile.TemporaryFile() as copy:
        hashed = hashlib.sha256()
        with storage.open_file(sha256) as kept:
            while chunk := kept.read(storage.CHUNK):
                hashed.update(chunk)
                copy.write(chunk)
        if hashed.hexdigest() != sha256:
            sentence = "Its bytes are not those that were given. Tell an administrator."
            return refused("", None, sentence)
        size = copy.tell()
        copy.seek(0)
        with _lock:
            _under_way[sha256] = _Way(copy, size, time.monotonic())
        try:
            return read_open_file(copy, "")
        finally:
            with _lock:
                _under_way.pop(sha256, None)
