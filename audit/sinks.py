"""Where checkpoints go: a file that only grows, whoever pulls them, and signers with receipts."""

import fcntl
import json
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db.models import Q

from audit import clock
from audit.models import Checkpoint, CheckpointSink, Entry, Head
from audit.rules import canonical, instant_text
from audit.verify_audit import Checkpoint as Said
from audit.verify_audit import Malformed

log = logging.getLogger("gatehouse.checkpoints")

#: A sink that lacks a checkpoint for longer than this is late, and said to be.
LATE = timedelta(minutes=15)
#: Those who pull come by themselves; they are late after a day.
PULL_LATE = timedelta(hours=24)
PULLED, RECEIPTS = "pulled", "receipts"
#: Checkpoints that are written at a time, and bytes of the file's end that are read back.
CHUNK = 500
TAIL = 64 * 1024


def path() -> Path | None:
    """Return the checkpoint file, if one is set."""
    return Path(settings.CHECKPOINT_FILE) if settings.CHECKPOINT_FILE else None


def file_name() -> str:
    """Return the name under which the progress of the file is kept; another file begins anew."""
    return f"file {path()}"


def deliver_all() -> str:
    """Write to the file what it lacks; a job of `tick`. Says what was written."""
    if path() is None:
        return "no checkpoint file is set"
    rows, now = CheckpointSink.objects.filter(name=file_name()), clock.now()
    CheckpointSink.objects.get_or_create(name=file_name())
    try:
        written = _fill(rows)
    except OSError as error:
        log.error("Checkpoints cannot be written to %s: %s", path(), error)
        said = f"It cannot be written: {error.strerror or error}."
        rows.update(tried_at=now, error=said)
        return f"failed: {said}"
    rows.update(tried_at=now, error="")
    return f"{written} checkpoints written"


def _fill(rows) -> int:
    """Add to the end of the file the lines that it lacks, and return how many.

    Each is on the disk before it counts. Nobody else writes meanwhile, or the last line might not
    be the newest.
    """
    target, written = path(), 0
    target.parent.mkdir(parents=True, exist_ok=True)
    # Never opened for reading and writing, so that a file that may only be appended to will do.
    handle = os.open(target, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        has = rows.values_list("size", flat=True).get()
        while lacking := list(
            Checkpoint.objects.filter(size__gt=has).order_by("size", "pk")[:CHUNK]
        ):
            lines = b"".join(line_of(one) for one in lacking)
            # A line that was cut off by a crash is ended, so that it spoils no other.
            _write_whole(handle, lines if _ends_whole(target) else b"\n" + lines)
            os.fsync(handle)
            has = lacking[-1].size
            rows.update(size=has, at=clock.now())
            written += len(lacking)
    finally:
        os.close(handle)
    return written


def _write_whole(handle: int, data: bytes) -> None:
    while data:
        data = data[os.write(handle, data) :]


def line_of(one: Checkpoint) -> bytes:
    """Return a checkpoint as a line: its note, its size and when it was signed."""
    at = instant_text(one.signed_at)
    return canonical({"note": one.note, "signed_at": at, "size": one.size}) + b"\n"


def _ends_whole(target: Path) -> bool:
    with target.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        if end == 0:
            return True
        file.seek(end - 1)
        return file.read(1) == b"\n"


def read_back() -> list[tuple[Said, str]]:
    """Return (checkpoint, where) of the last checkpoint that the file has, if there is a file.

    Raises `audit.checkpoints.Inconsistent` if the file lost what it was given, or ends in what
    is no checkpoint of ours; `OSError` if it cannot be read.
    """
    from audit import checkpoints

    if path() is None:
        return []
    had = given()
    try:
        lines = _last_lines()
    except FileNotFoundError:
        lines = []
    if not lines and had:
        raise checkpoints.Inconsistent(
            f"{path()} was given checkpoints up to {had} entries and has none. Put it back, "
            "or name another file in CHECKPOINT_FILE once you know why."
        )
    if not lines:
        return []
    try:
        said = checkpoints.judge_note(note_in(lines[-1]), checkpoints.known_keys())
    except Malformed as error:
        raise checkpoints.Inconsistent(
            f"The last line of {path()} is no checkpoint of this log. {error}"
        ) from error
    if said.size < had:
        raise checkpoints.Inconsistent(
            f"{path()} was given checkpoints up to {had} entries and ends with one over "
            f"{said.size}. Put it back, or name another file in CHECKPOINT_FILE once you know why."
        )
    return [(said, f"The last checkpoint in {path()}")]


def given() -> int:
    """Return the size of the last checkpoint that the file was given; 0 for none."""
    rows = CheckpointSink.objects.filter(name=file_name())
    return rows.values_list("size", flat=True).first() or 0


def _last_lines() -> list[bytes]:
    """Return the last whole lines of the file that say anything."""
    with path().open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        file.seek(max(0, end - TAIL))
        lines = file.read().split(b"\n")
    # What stands behind the last line break was cut off while it was written.
    return [line for line in lines[:-1] if line.strip()]


def note_in(line: bytes) -> str:
    """Return the note of a line of the file, or what stands there if it is none."""
    try:
        return str(json.loads(line)["note"])
    except (ValueError, KeyError, TypeError):
        return line.decode(errors="replace")


def notes_in_file() -> Iterator[tuple[int, str]]:
    """Yield (number of the line, note) for every whole line of the file. Raises `OSError`."""
    with path().open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.endswith(b"\n") and line.strip():
                yield number, note_in(line)


def note_pulled(size: int) -> None:
    """Keep that somebody pulled the checkpoint over `size` entries, at minute precision."""
    _note_taken(PULLED, size)


def note_receipt(size: int) -> None:
    """Keep that a signer got a receipt with the checkpoint over `size` entries."""
    _note_taken(RECEIPTS, size)


def _note_taken(name: str, size: int) -> None:
    now = clock.now()
    fresh = Q(size__gte=size, at__gt=now - timedelta(minutes=1))
    row = CheckpointSink.objects.filter(name=name)
    if row.filter(fresh).exists():
        return
    if not row.exists():
        CheckpointSink.objects.get_or_create(name=name)
    row.filter(size__lte=size).update(size=size, at=now)


# How far behind each is


@dataclass(frozen=True)
class Sink:
    """One place that checkpoints go to, as `/audit/` shows it."""

    name: str
    words: str
    size: int
    at: datetime | None
    #: Entries that the log has beyond what this place has seen signed.
    behind: int
    late: bool
    error: str = ""


@dataclass(frozen=True)
class Standing:
    """How signing and every sink stand."""

    size: int
    checkpoint: Checkpoint | None
    #: When the first entry behind the last checkpoint was written.
    unsigned_since: datetime | None
    late: bool
    error: str
    alarm: str
    sinks: tuple[Sink, ...]

    @property
    def unsigned(self) -> int:
        """Entries that no checkpoint covers yet."""
        return self.size - (self.checkpoint.size if self.checkpoint else 0)

    @property
    def last_signed(self) -> str:
        """The number of the last entry that a checkpoint covers, with a full stop."""
        return f"{self.checkpoint.size - 1}." if self.checkpoint else ""

    @property
    def leaves(self) -> bool:
        """Whether any sink outside has a checkpoint at all."""
        return any(sink.size for sink in self.sinks)

    @property
    def troubled(self) -> bool:
        """Whether a banner is due."""
        return bool(self.alarm or self.late or any(sink.late for sink in self.sinks))


def standing() -> Standing:
    """Return how signing and every sink stand, in a fixed number of queries."""
    from audit import checkpoints

    now, size, last = clock.now(), Head.objects.get(pk=1).size, checkpoints.latest()
    rows = {row.name: row for row in CheckpointSink.objects.all()}
    signing = rows.get(checkpoints.SIGNING)
    since = None
    if size > (last.size if last else 0):
        first = Entry.objects.filter(seq=last.size if last else 0).select_related("change").first()
        since = first.change.at if first else None
    found = []
    if path() is not None:
        found.append(_sink(rows, file_name(), f"File {path().name}", size, LATE, now))
    found.append(_sink(rows, PULLED, "Pulled through the API", size, PULL_LATE, now))
    found.append(_sink(rows, RECEIPTS, "Receipts of signers", size, None, now))
    return Standing(
        size=size,
        checkpoint=last,
        unsigned_since=since,
        late=since is not None and now - since > LATE,
        error=signing.error if signing else "",
        alarm=next((row.error for row in rows.values() if row.alarm), ""),
        sinks=tuple(found),
    )


def _sink(rows, name: str, words: str, size: int, late_after, now) -> Sink:
    row = rows.get(name)
    has = row.size if row else 0
    late = False
    # A place that nobody ever pulled to is not used; it is not late.
    if late_after is not None and (has or name == file_name()):
        waiting = Checkpoint.objects.filter(size__gt=has).order_by("size").first()
        late = waiting is not None and now - waiting.signed_at > late_after
    return Sink(
        name, words, has, row.at if row else None, size - has, late, row.error if row else ""
    )
