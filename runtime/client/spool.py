"""Records that wait on disk until somebody has acknowledged them: none is lost, none is dropped."""

import json
import os
import secrets
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from threading import Condition, Lock
from typing import Any

from runtime.client.keeping import sync

#: What happens to a request whose record finds no room: it waits for a while, or it is refused.
WHEN_FULL = {
    "public": "block",
    "internal": "block",
    "confidential": "refuse",
    "restricted": "refuse",
}


class SpoolFull(Exception):
    """The record was not kept, so what it is about must not happen."""


@dataclass
class _Segment:
    """One file of records, named by the number of the first."""

    path: Path
    size: int = 0
    #: Where each record that waits lies, by its number: id, offset, length.
    waiting: dict[int, tuple[str, int, int]] = field(default_factory=dict)

    @property
    def acknowledged(self) -> Path:
        return self.path.with_suffix(".acked")


class Spool:
    """Numbered records in files of a folder; what `append` returned from survives a power cut.

    `hand_over` offers the oldest to somebody and deletes those alone that are acknowledged; what
    is not comes again after the newer ones. The numbers have no gaps, so whoever receives them
    sees one. At most `most_bytes` wait; then requests wait or are refused, by `when_full`.
    """

    def __init__(
        self,
        folder: Path,
        *,
        most_bytes: int = 64 * 1024**2,
        segment_bytes: int = 1024**2,
        patience: float = 5.0,
        when_full: Mapping[str, str] = WHEN_FULL,
    ):
        self._folder, self._most, self._segment_bytes = folder, most_bytes, segment_bytes
        self._patience, self._when_full = patience, when_full
        self._changed, self._handing = Condition(), Lock()
        self._cursor = 0
        self._file: int | None = None
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._segments = [_read(path) for path in sorted(folder.glob("[0-9]*.ndjson"))]
        for orphan in folder.glob("*.acked"):
            if not orphan.with_suffix(".ndjson").exists():
                orphan.unlink()
        self._next = 1
        if self._segments:
            last = self._segments[-1]
            self._next = int(last.path.stem) + last.path.read_bytes().count(b"\n")
        self._begin()

    @property
    def waiting(self) -> int:
        """How many records are not acknowledged yet."""
        with self._changed:
            return sum(len(one.waiting) for one in self._segments)

    @property
    def size(self) -> int:
        """How many bytes the records take on disk."""
        with self._changed:
            return self._size()

    def append(
        self, record: Mapping[str, Any], *, data_classification: str, admitted: bool = False
    ) -> dict[str, Any]:
        """Keep a record, and return it with its `id` and `seq`. Raises `SpoolFull`.

        `admitted` says that it belongs to a request whose first record found room: it is kept
        beyond the bound, since what it tells of has happened.
        """
        with self._changed:
            if not admitted:
                self._find_room(len(_line(record)) + 80, data_classification)
            kept = {**record, "id": _new_id(), "seq": self._next}
            self._write(kept, _line(kept))
            self._next += 1
            if self._segments[-1].size >= self._segment_bytes:
                self._begin()
            return kept

    def hand_over(
        self,
        send: Callable[[bytes], Iterable[str]],
        *,
        most: int = 500,
        most_bytes: int = 1024**2,
    ) -> int:
        """Offer a batch to `send`, and delete what it acknowledges; return how many that were.

        `send` gets lines of JSON, oldest first, and returns the ids of those that may go: kept
        for good by whoever took them. What it raises is raised here, and nothing is deleted.
        """
        with self._handing:
            batch = self._batch(most, most_bytes)
            if not batch:
                return 0
            acknowledged = set(send(b"".join(line for _, _, _, line in batch)))
            gone = [one for one in batch if one[2] in acknowledged]
            with self._changed:
                self._cursor = batch[-1][1]
                self._forget(gone)
                self._changed.notify_all()
            return len(gone)

    def put_aside(self, body: bytes, refused: Iterable[Mapping[str, Any]]) -> Path:
        """Keep lines that were refused, each with its answer, for somebody to look at; say where.

        Nothing reads that file again: whoever runs the router looks at it, and takes it away.
        """
        lines = body.splitlines()
        told = ({**answer, "record": json.loads(lines[answer["line"] - 1])} for answer in refused)
        path = self._folder / "refused.ndjson"
        with path.open("ab") as file:
            file.write(b"".join(_line(one) for one in told))
            file.flush()
            os.fsync(file.fileno())
        return path

    def close(self) -> None:
        """Close the file that is written to."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _size(self) -> int:
        return sum(one.size for one in self._segments)

    def _find_room(self, wanted: int, data_classification: str) -> None:
        def there():
            return self._size() + wanted <= self._most

        if there():
            return
        # A class that is not known is treated like the most closely held.
        blocks = self._when_full.get(data_classification, "refuse") == "block"
        if not (blocks and self._changed.wait_for(there, self._patience)):
            raise SpoolFull(
                f"{sum(len(one.waiting) for one in self._segments)} records wait to be "
                f"acknowledged and there is no room for another in {self._folder}."
            )

    def _write(self, kept: Mapping[str, Any], line: bytes) -> None:
        segment = self._segments[-1]
        try:
            written = os.write(self._file, line)
            if written != len(line):
                raise OSError("The disk took a part of it.")
            os.fsync(self._file)
        except OSError as error:
            os.ftruncate(self._file, segment.size)
            raise SpoolFull(f"The record could not be written: {error}") from error
        segment.waiting[kept["seq"]] = (kept["id"], segment.size, len(line))
        segment.size += len(line)

    def _begin(self) -> None:
        """Begin a file; its name keeps the number that comes next."""
        segment = _Segment(self._folder / f"{self._next:015}.ndjson")
        if self._segments and self._segments[-1].path == segment.path:
            segment = self._segments.pop()
        handle = os.open(segment.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        sync(self._folder)
        self.close()
        self._file = handle
        self._segments.append(segment)

    def _batch(self, most: int, most_bytes: int) -> list[tuple[_Segment, int, str, bytes]]:
        with self._changed:
            places = [
                (segment, seq, *place)
                for segment in self._segments
                for seq, place in segment.waiting.items()
            ]
            # What was offered last and is still here comes after everything else.
            places.sort(key=lambda one: (one[1] <= self._cursor, one[1]))
            chosen, size = [], 0
            for one in places:
                if len(chosen) == most or (chosen and size + one[4] > most_bytes):
                    break
                chosen.append(one)
                size += one[4]
        found = []
        for path, records in groupby(chosen, key=lambda one: one[0].path):
            with path.open("rb") as file:
                for segment, seq, name, offset, length in records:
                    file.seek(offset)
                    found.append((segment, seq, name, file.read(length)))
        return found

    def _forget(self, gone: list[tuple[_Segment, int, str, bytes]]) -> None:
        for segment in self._segments:
            if seqs := [seq for owner, seq, _, _ in gone if owner is segment]:
                _note(segment.acknowledged, seqs)
                for seq in seqs:
                    del segment.waiting[seq]
        if self._segments[-1].size and not self._segments[-1].waiting:
            self._begin()
        for segment in self._segments[:-1]:
            if not segment.waiting:
                # In this order: numbers without a file are swept away at the next start.
                segment.path.unlink()
                segment.acknowledged.unlink(missing_ok=True)
        self._segments = [one for one in self._segments if one.waiting or one is self._segments[-1]]


def _new_id() -> str:
    """Return a UUID of version 7: its first 48 bits are the milliseconds of now."""
    milliseconds, random = time.time_ns() // 10**6, secrets.randbits(74)
    number = milliseconds << 80 | 7 << 76 | random >> 62 << 64 | 2 << 62 | random & (1 << 62) - 1
    return str(uuid.UUID(int=number))


def _line(record: Mapping[str, Any]) -> bytes:
    text = json.dumps(record, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return text.encode() + b"\n"


def _note(path: Path, seqs: Iterable[int]) -> None:
    with path.open("ab") as file:
        file.write(b"".join(b"%d\n" % seq for seq in seqs))
        file.flush()
        os.fsync(file.fileno())


def _read(path: Path) -> _Segment:
    """Return a file of records as it was left; a line that was cut off was never appended."""
    data = _whole_lines(path)
    segment = _Segment(path, size=len(data))
    done = {int(line) for line in _whole_lines(segment.acknowledged).split()}
    offset = 0
    for number, line in enumerate(data.splitlines(keepends=True), int(path.stem)):
        if number not in done:
            segment.waiting[number] = (json.loads(line)["id"], offset, len(line))
        offset += len(line)
    return segment


def _whole_lines(path: Path) -> bytes:
    if not path.exists():
        return b""
    data = path.read_bytes()
    whole = data.rfind(b"\n") + 1
    if whole < len(data):
        os.truncate(path, whole)
    return data[:whole]
