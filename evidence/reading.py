"""What the readers make of a kept file: its bytes are judged by their digest, then read apart."""

import hashlib
import tempfile
from threading import BoundedSemaphore

from evidence import storage
from evidence.models import EvidenceFile
from evidence.readers import refused
from evidence.readers.child import SHORT, read_open_file
from evidence.readers.result import Result

#: Files that one web process has read at a time; its other threads go on answering.
_SLOTS = BoundedSemaphore(2)
#: Seconds to wait for one of them.
PATIENCE = 10


def read_kept(file: EvidenceFile) -> Result:
    """Return what a file of an item says; what cannot be read is refused in words."""
    if not _SLOTS.acquire(timeout=PATIENCE):
        sentence = "Other files are being read just now. Try again in a minute."
        return refused(file.name, None, sentence)
    try:
        with tempfile.TemporaryFile() as copy:
            hashed = hashlib.sha256()
            with storage.open_file(file.sha256) as kept:
                while chunk := kept.read(storage.CHUNK):
                    hashed.update(chunk)
                    copy.write(chunk)
            if hashed.hexdigest() != file.sha256:
                sentence = "Its bytes are not those that were given. Tell an administrator."
                return refused(file.name, None, sentence)
            copy.seek(0)
            return read_open_file(copy, file.name, SHORT)
    except OSError:
        sentence = "Its bytes cannot be read from the storage. Tell an administrator."
        return refused(file.name, None, sentence)
    finally:
        _SLOTS.release()
