"""What the readers make of a kept file: its bytes are judged by their digest, then read apart.

Reading goes on beside the request: a page waits a little and is told to come back for the rest.
"""

import hashlib
import logging
import tempfile
from collections import OrderedDict
from concurrent.futures import Future
from dataclasses import replace
from threading import BoundedSemaphore, Lock, Thread

from evidence import storage
from evidence.models import EvidenceFile
from evidence.readers import refused
from evidence.readers.child import read_open_file
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
_lock = Lock()


def read_kept(file: EvidenceFile, *, is_awaited: bool = False) -> Result | None:
    """Return what a file of an item says, or None while it is still being read.

    Never raises for what is in it: what cannot be read is refused in words. The same bytes say
    the same, so that what was read lately is not read again.
    """
    with _lock:
        future = _asked.get(file.sha256)
        if future is None:
            if sum(not one.done() for one in _asked.values()) >= MOST_WAITING:
                sentence = "Other files are being read just now. Try again in a minute."
                return refused(file.name, None, sentence)
            future = _asked[file.sha256] = Future()
            Thread(target=_read_into, args=(future, file.sha256), daemon=True).start()
        _asked.move_to_end(file.sha256)
        done = [sha256 for sha256, one in _asked.items() if one.done() and one is not future]
        for sha256 in done[: max(0, len(_asked) - MOST_REMEMBERED)]:
            del _asked[sha256]
    try:
        result = future.result(timeout=MORE_PATIENCE if is_awaited else PATIENCE)
    except TimeoutError:
        return None
    if result.outcome is Outcome.REFUSED:
        # Next time the storage may answer, or the machine have more room.
        with _lock:
            _asked.pop(file.sha256, None)
    return replace(result, file=file.name)


def _read_into(future: Future, sha256: str) -> None:
    with _SLOTS:
        try:
            result = _read(sha256)
        except Exception:
            # Each storage has errors of its own.
            log.exception("A file could not be read for its scores: sha256:%s", sha256)
            sentence = "Its bytes cannot be read from the storage. Tell an administrator."
            result = refused("", None, sentence)
    future.set_result(result)


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
        copy.seek(0)
        return read_open_file(copy, "")
