"""A bundle: documents and files in one archive, each with its digest, the same bytes each time.

Documents are written into a spool that leaves memory when it grows; large files stay where they
are and are read twice, once for their digest and once to be sent. What a bundle will be is settled
before any of it is sent: its length, and the digest of its manifest.
"""

import json
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from hashlib import sha256
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from audit import zipping
from audit.rules import canonical, digest
from audit.verify_audit import MANIFEST
from audit.zipping import Member

#: Kept in memory up to this many bytes.
IN_MEMORY = 8 * 1024**2
CHUNK = 1024 * 1024
SUMS = "SHA256SUMS"


class Bundle:
    """Files in the order in which they are added. Close it, or use it as a context."""

    def __init__(self):
        self._spool = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - closed in `close`
        self._members: list[Member] = []
        #: Name -> {"sha256", "bytes"}, as manifests have it.
        self.files: dict[str, dict] = {}
        #: The digest of the manifest, once it is written.
        self.digest = ""

    def __enter__(self) -> "Bundle":
        return self

    def __exit__(self, *raised) -> None:
        self.close()

    def close(self) -> None:
        self._spool.close()

    @contextmanager
    def file(self, name: str) -> Iterator["_Writing"]:
        """Write a document in pieces."""
        writing = _Writing(self._spool)
        yield writing
        begin, size = writing.begin, writing.size
        self._keep(
            Member(name, size, writing.crc, lambda: _Part(self._spool, begin, size)),
            writing.summed.hexdigest(),
        )

    def add(self, name: str, content: bytes) -> None:
        """Write a document."""
        with self.file(name) as file:
            file.write(content)

    def add_json(self, name: str, value: Any) -> None:
        """Write a document as the canonical bytes that digests are taken over, with a line end."""
        self.add(name, canonical(value) + b"\n")

    def attach(
        self, name: str, wanted: str, open_file: Callable[[], IO[bytes]]
    ) -> Generator[int, None, bool]:
        """Take in a file where it lies; return whether its bytes have the SHA-256 `wanted`.

        Yields the length of every piece that was read. A file of other bytes stays out. Raises
        what opening and reading raise.
        """
        summed, crc, size = sha256(), 0, 0
        with open_file() as file:
            while chunk := file.read(CHUNK):
                summed.update(chunk)
                crc, size = zlib.crc32(chunk, crc), size + len(chunk)
                yield len(chunk)
        if summed.hexdigest() != wanted:
            return False
        self._keep(Member(name, size, crc, open_file), wanted)
        return True

    def _keep(self, member: Member, sha256_: str) -> None:
        if member.name in self.files:
            raise ValueError(f"{member.name} is in the bundle already.")
        self._members.append(member)
        self.files[member.name] = {"sha256": sha256_, "bytes": member.size}

    def sum_up(self) -> None:
        """Write `SHA256SUMS` over all that is there so far."""
        lines = (f"{one['sha256']}  {name}\n" for name, one in sorted(self.files.items()))
        self.add(SUMS, "".join(lines).encode())

    def settle(self, said: dict) -> None:
        """Write the sums and then the manifest: what is said of the bundle, and every file."""
        self.sum_up()
        manifest = {**said, "files": dict(self.files)}
        text = json.dumps(manifest, indent=2, sort_keys=True, ensure_ascii=False).encode() + b"\n"
        self.add(MANIFEST, text)
        self.digest = digest(text)

    @property
    def length(self) -> int:
        """The length of the archive in bytes."""
        return zipping.length(self._members)

    def stream(self) -> Iterator[bytes]:
        """Yield the archive. Raises `zipping.Altered` and what reading a file raises."""
        return zipping.stream(self._members)

    def sent(self) -> Iterator[bytes]:
        """Yield the archive, and close the bundle behind it."""
        with self:
            yield from self.stream()


class _Writing:
    """One document on its way into the spool."""

    def __init__(self, spool: IO[bytes]):
        self._spool = spool
        spool.seek(0, 2)
        self.begin = spool.tell()
        self.size, self.crc, self.summed = 0, 0, sha256()

    def write(self, data: bytes) -> None:
        self._spool.write(data)
        self.summed.update(data)
        self.crc, self.size = zlib.crc32(data, self.crc), self.size + len(data)


class _Part:
    """A stretch of the spool, read as a file is."""

    def __init__(self, spool: IO[bytes], begin: int, size: int):
        self._spool, self._at, self._left = spool, begin, size

    def __enter__(self) -> "_Part":
        return self

    def __exit__(self, *raised) -> None:
        pass

    def read(self, size: int) -> bytes:
        self._spool.seek(self._at)
        data = self._spool.read(min(size, self._left))
        self._at, self._left = self._at + len(data), self._left - len(data)
        return data
