"""A pack from what is told: documents, report, files, the log's proofs, and the manifest over all.

Everything is settled before the first byte is sent, large files by reading them once: what cannot
be handed out is named in the pack instead of missing from it.
"""

from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction

from audit import Reason, Refused, clock, excerpts, keys
from audit.admin.history import told as told_of_entry
from audit.bundling import Bundle
from audit.excerpts import Extent, NotProved
from audit.exporting import CHECKER, README, checker
from audit.models import Head
from audit.rules import instant_text
from audit.verify_audit import KEYS, PACK_SCHEMA
from evidence import storage
from evidence.models import EvidenceFile
from gates.models import Promotion
from registry.models import Environment
from runtime.packs import report
from runtime.packs.environments import tell_environment
from runtime.packs.evidence import named_files
from runtime.packs.promotions import WITH, tell_promotion
from runtime.packs.telling import Told, View

#: Entries of the log in one pack, the newest; how many more there are is said in it.
MOST_ENTRIES = 20_000
#: The nouns whose rows go along with their entries.
NOUNS = frozenset(
    (
        "evidence.evidencefile",
        "evidence.evidenceitem",
        "evidence.runacceptance",
        "evidence.withdrawal",
        "gates.condition",
        "gates.conditionclosing",
        "gates.gateversion",
        "gates.package",
        "gates.packageperson",
        "gates.revocation",
        "gates.waiver",
        "gates.waiveranswer",
        "registry.policyversion",
        "registry.release",
        "runtime.snapshot",
    )
)


@dataclass(frozen=True)
class Subject:
    """What a pack is of: a promotion, or an environment from an instant on."""

    promotion: Promotion | None = None
    environment: Environment | None = None
    since: datetime | None = None

    @property
    def words(self) -> str:
        if self.promotion is not None:
            return f"promotion {self.promotion.pk}"
        return f"the environment {self.environment.slug} since {instant_text(self.since)}"

    @property
    def said(self) -> dict[str, Any]:
        if self.promotion is not None:
            return {"promotion": self.promotion.pk}
        return {"environment": self.environment.slug, "since": instant_text(self.since)}


@dataclass
class Progress:
    """How far the reading of files has come."""

    files: int = 0
    of_files: int = 0
    bytes: int = 0
    of_bytes: int = 0


@dataclass
class Pack:
    """A pack that is settled: its bundle, ready to be sent, and what is recorded of it."""

    subject: Subject
    view: View
    with_pdf: bool
    bundle: Bundle
    left_out: list[dict[str, str]] = field(default_factory=list)

    @property
    def manifest(self) -> str:
        return self.bundle.digest


def settled_now() -> datetime:
    """Return an instant that no change can fall before any more: the head's lock is waited for."""
    with transaction.atomic():
        head = Head.objects.select_for_update(no_key=True).get(pk=1)
        now = clock.now()
        return max(now, head.last_at) if head.last_at else now


def read_as_of(at: datetime | None) -> datetime:
    """Return the instant that a pack is of. Raises `Refused` for one that lies ahead."""
    now = settled_now()
    if at is not None and at > now:
        sentence = "This instant lies in the future. Leave it out to ask about now."
        raise Refused(Reason("IN_THE_FUTURE", sentence, "as_of"))
    return at or now


def files_of(told: Told) -> list[tuple[EvidenceFile, str]]:
    """Return the evidence files that a pack would hold, each with its place."""
    return [pair for pk in sorted(told.items) for pair in named_files(told.items[pk])]


def tell(subject: Subject, view: View) -> Told:
    """Return what a pack tells, before any file is read. Raises `Refused`."""
    if subject.promotion is not None:
        promotion = Promotion.objects.select_related(*WITH).get(pk=subject.promotion.pk)
        return tell_promotion(promotion, view)
    return tell_environment(subject.environment, subject.since, view)


def settle(
    subject: Subject, reader, as_of: datetime, *, with_pdf: bool = False
) -> Generator[Progress, None, Pack]:
    """Make a pack and return it; yields how far it is. The caller closes its bundle.

    Raises `Refused`: nothing to tell of then, no proof now, or no way to write PDF.
    """
    if with_pdf:
        report.demand_pdf()
    view = View(reader, excerpts.extent(as_of))
    told = tell(subject, view)
    bundle = Bundle()
    try:
        yield from _attach(bundle, told)
        seqs, more = excerpts.about(told.keys, view.covered, MOST_ENTRIES)
        if more:
            told.leave_out(
                f"{more} older entries of the log", "A pack has the newest.", entries=str(more)
            )
        told.documents["history"] = _history(seqs)
        seqs = sorted({*seqs, *excerpts.losses(view.covered)})
        _write(bundle, subject, view, told, seqs, with_pdf=with_pdf)
    except BaseException:
        bundle.close()
        raise
    return Pack(subject, view, with_pdf, bundle, told.left_out)


def settled(*args, **named) -> Pack:
    """Return a pack where nobody watches. Raises `Refused`."""
    made = settle(*args, **named)
    while True:
        try:
            next(made)
        except StopIteration as end:
            return end.value


def _attach(bundle: Bundle, told: Told) -> Generator[Progress, None, None]:
    """Take in each evidence file that is sound and not held; name the others."""
    files = files_of(told)
    progress = Progress(0, len(files), 0, sum(file.size for file, _ in files))
    yield progress
    why_not: dict[str, str] = {}
    for file, name in files:
        if held := file.safety.holds:
            why_not[name] = f"It {held}"
        else:
            before = progress.bytes
            try:
                reading = bundle.attach(
                    name, file.sha256, lambda sha256=file.sha256: storage.open_file(sha256)
                )
                while True:
                    try:
                        progress.bytes += next(reading)
                    except StopIteration as end:
                        if not end.value:
                            why_not[name] = "The bytes kept under its digest are other bytes."
                        break
                    yield progress
            except FileNotFoundError:
                why_not[name] = "Its bytes are lost."
            except Exception:  # noqa: BLE001 - each storage has errors of its own
                why_not[name] = "Its bytes cannot be read."
            progress.bytes = before
        progress.files, progress.bytes = progress.files + 1, progress.bytes + file.size
        if why := why_not.get(name):
            told.leave_out(
                f"Evidence file “{file.name}” of item {file.item_id}", why, sha256=file.sha256
            )
        yield progress
    _mark(told.documents, why_not)


def _mark(said: Any, why_not: dict[str, str]) -> None:
    """Say beside each file that is named in a document why it is not there."""
    if isinstance(said, dict):
        if said.get("path") in why_not and "sha256" in said:
            said["left_out"] = why_not[said["path"]]
            del said["path"]
        for one in said.values():
            _mark(one, why_not)
    elif isinstance(said, list):
        for one in said:
            _mark(one, why_not)


def _history(seqs: list[int]) -> list[dict[str, Any]]:
    return [
        {
            "entry": one.seq,
            "at": one.change.at,
            "by": one.change.actor_name,
            "event": one.event,
            "words": told_of_entry(one).words,
            "row": one.row,
            "about": one.about,
            "reason": one.change.reason,
        }
        for some in excerpts.entries(seqs)
        for one in some
    ]


def _write(
    bundle: Bundle, subject: Subject, view: View, told: Told, seqs: list[int], *, with_pdf: bool
) -> None:
    covered = view.covered
    for name, document in sorted(told.documents.items()):
        bundle.add_json(f"documents/{name}.json", document)
    for path, content in sorted(told.sealed.items()):
        bundle.add(path, content.encode())
    excerpts.write(bundle, seqs, covered, NOUNS)
    root = f"sha256:{bytes(covered.checkpoint.root).hex()}"
    html = report.as_html(subject, view, told, root)
    bundle.add("report.html", html.encode())
    if with_pdf:
        bundle.add("report.pdf", report.as_pdf(html))
    bundle.add(KEYS, _keys(covered))
    bundle.add(CHECKER, checker())
    bundle.add(README, report.readme(subject, view).encode())
    bundle.settle(
        {
            "schema": PACK_SCHEMA,
            "origin": covered.origin,
            "subject": subject.said,
            "as_of": instant_text(view.at),
            "log": {"size": covered.checkpoint.size, "root": root, "entries": len(seqs)},
            "left_out": told.left_out,
        }
    )


def _keys(covered: Extent) -> bytes:
    with suppress(keys.NoKey):
        return excerpts.keys_of(covered.checkpoint.note)
    raise NotProved(Reason("NO_KEY", f"The keys in {settings.SIGNING_KEYS_DIR} cannot be read."))
