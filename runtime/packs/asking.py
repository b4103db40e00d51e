"""Asking for a pack: what it would hold, and one that is told how far it is while it is made."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.http import StreamingHttpResponse

from audit import Reason, Refused, clock, receipts, tree
from audit.excerpts import Extent
from audit.models import Entry, Head
from registry.visibility import SEES_ALL
from runtime.packs.building import Pack, Subject, files_of, settled, tell
from runtime.packs.models import EvidencePack
from runtime.packs.telling import View
from runtime.timeline.scopes import LONGEST


class NotTheSame(Refused):
    """What would be handed out is not what was recorded."""

    status = 409


@dataclass(frozen=True)
class Preview:
    """How much a pack would hold, before anything of it is read."""

    files: int
    bytes: int
    #: Names of files that are held, each with why.
    held: list[tuple[str, str]]


def preview(subject: Subject, reader) -> Preview:
    """Return what a pack as of now would hold; nothing is signed and no file is read for it."""
    head = Head.objects.get(pk=1)
    told = tell(subject, View(reader, Extent(clock.now(), head.position, head.size, None)))
    files = [file for file, _ in files_of(told)]
    held = [(file.name, file.safety.holds) for file in files if file.safety.holds]
    return Preview(len(files), sum(file.size for file in files), held)


def period(since: datetime, as_of: datetime) -> None:
    """Refuse a period that is none or too long."""
    if since >= as_of:
        sentence = "It begins where it ends, or later. Give an earlier instant."
        raise Refused(Reason("BACKWARDS", sentence, "since"))
    if as_of - since > LONGEST + timedelta(days=1):
        sentence = f"A period spans {LONGEST.days} days at most. Give a later instant."
        raise Refused(Reason("TOO_LONG", sentence, "since"))


def again(row: EvidencePack) -> Pack:
    """Make a recorded pack again, as its builder saw it; the caller closes its bundle.

    Raises `NotTheSame` where it would be another one by now, and `Refused`.
    """
    subject = Subject(row.promotion, row.environment, row.since)
    pack = settled(subject, row.built_by or SEES_ALL, row.as_of, with_pdf=row.with_pdf)
    if pack.manifest != row.manifest:
        pack.bundle.close()
        sentence = (
            f"Made again, it would not be the pack that entry and receipt name ({row.manifest}): "
            "a file came to be held or lost, its builder sees less now, or Gatehouse was "
            "upgraded. Build a new one."
        )
        raise NotTheSame(Reason("NOT_THE_SAME", sentence))
    return pack


def sent(pack: Pack, name: str) -> StreamingHttpResponse:
    """Answer with the archive, piece by piece; its length is told first, as browsers like it."""
    return StreamingHttpResponse(
        pack.bundle.sent(),
        content_type="application/zip",
        headers={
            "Content-Disposition": f'attachment; filename="{name}.zip"',
            "Content-Length": str(pack.bundle.length),
            "Cache-Control": "private, no-store",
            "X-Content-Type-Options": "nosniff",
            "X-Accel-Buffering": "no",
            "Evidence-Pack": pack.manifest,
        },
    )


def entry_of(row: EvidencePack) -> Entry:
    """Return the entry that records a pack."""
    return Entry.objects.get(row=row.key, event="evidencepack.built")


def joining(row: EvidencePack) -> dict[str, object]:
    """Return the proof that the log of a pack's receipt goes on from the log in the pack.

    Raises `receipts.NotYet` and `tree.TreeBroken`.
    """
    proof = tree.consistency(row.log_size, receipts.first(entry_of(row).seq).size)
    return {"first": proof.first, "second": proof.second, "path": [p.hex() for p in proof.path]}
