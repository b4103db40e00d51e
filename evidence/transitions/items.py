"""Items: given whole, with files and runs, and withdrawn."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db.models import Q, Sum

import audit
from audit import Change, Reason, Refused, clock
from audit.refusals import NotAllowed
from audit.rules import canonical, digest
from evidence import documents, rules, scanning, storage
from evidence.kinds import KINDS, Kind
from evidence.models import Delivery, EvidenceFile, EvidenceItem, Withdrawal
from evidence.transitions.judging import (
    field_reasons,
    key_of,
    lock_item,
    lock_subject,
    refuse,
    refuse_withdrawn,
)
from evidence.transitions.runs import Run, judge_run, run_of, save_run
from registry import rights
from registry.models import ModelVersion, Person, Release


def give(
    *,
    release: Release | int | None = None,
    version: ModelVersion | int | None = None,
    kind: str,
    title: str,
    verdict: str,
    vouched_by: str,
    standing: str = EvidenceItem.Standing.INTERNAL,
    answers: Mapping[str, Any] | None = None,
    files: Iterable = (),
    expires_at: datetime | None = None,
    replaces: EvidenceItem | UUID | None = None,
    runs: Sequence[Mapping] = (),
    delivery: Delivery | None = None,
    actor,
    reason: str,
) -> EvidenceItem:
    """Give one item about a sealed release or model version, with its files and runs.

    `answers` maps the keys of the kind's questions to values; `files` are uploads with a name, a
    size and chunks. An item ends with the life of its kind unless `expires_at` says earlier. Each
    run is a mapping of `add_run`'s own arguments; `delivery` is the row, unsaved, that says under
    which key a pipeline brought it. Raises `NotAllowed`, `Refused` with every reason at once (and
    its kin of `storage`), and `Conflict`; a refused item leaves no row. Files are scanned when the
    item is there: until then they are held.
    """
    given = _Given(
        release=key_of(release),
        version=key_of(version),
        kind=kind,
        title=title.strip(),
        verdict=verdict,
        vouched_by=vouched_by.strip(),
        standing=standing,
        answers={key: key_of(value) for key, value in (answers or {}).items()},
        expires_at=expires_at,
        replaces=key_of(replaces),
        runs=[run_of(**run) for run in runs],
        has_files=bool(files := list(files)),
        delivery=delivery,
    )
    # Judged before the files are kept, and again under lock: what stood open may be closed.
    subject = _subject(given)
    if not_allowed := rights.may(actor, "give_evidence", subject, fresh=True):
        raise NotAllowed(not_allowed)
    _, reasons = _judge(given, subject, clock.now())
    storage.refuse([*reasons, *storage.judge(files)])
    with storage.not_swept() if files else nullcontext():
        kept = storage.keep(files)
        refuse(_same_file_twice(kept))
        with audit.change(actor=actor, reason=reason) as change:
            person = rights.acting(change, actor)
            item = _give_in(change, person, given, kept)
    if files:
        scanning.scan_new(item)
    return item


def give_in(
    change: Change,
    person: Person,
    *,
    version: ModelVersion,
    kind: str,
    title: str,
    verdict: str,
    standing: str,
    vouched_by: str,
    answers: Mapping[str, Any],
    runs: Sequence[Mapping],
) -> EvidenceItem:
    """Do what `give` does for a model version, without files, within a change that is open."""
    given = _Given(
        release=None,
        version=version.pk,
        kind=kind,
        title=title,
        verdict=verdict,
        vouched_by=vouched_by,
        standing=standing,
        answers=dict(answers),
        expires_at=None,
        replaces=None,
        runs=[run_of(**run) for run in runs],
        has_files=False,
        delivery=None,
    )
    return _give_in(change, person, given, [])


def _give_in(change: Change, person: Person, given: "_Given", kept: list) -> EvidenceItem:
    lock_subject(change, release=given.release, version=given.version)
    if given.replaces:
        change.lock(EvidenceItem, given.replaces)
    subject = _subject(given)
    rights.demand(person, "give_evidence", subject)
    item, reasons = _judge(given, subject, change.now)
    storage.refuse(reasons + _room(subject, kept))
    item.author = person
    rows = [EvidenceFile(item=item, **vars(file)) for file in kept]
    content = canonical(documents.evidence_item(item, rows))
    item.content, item.digest = content.decode(), digest(content)
    change.save(
        item,
        event="evidence.given",
        facts={"digest": item.digest, "subject": subject.key, "kind": item.kind},
    )
    for row in rows:
        change.save(row)
    if given.delivery:
        given.delivery.item, given.delivery.given_by = item, person
        change.save(given.delivery)
    for run in given.runs:
        save_run(change, item, run, person)
    return item


def withdraw(item_pk: UUID, *, actor, reason: str) -> Withdrawal:
    """Withdraw an item for good: whatever rests on it ends. Raises `Conflict` if it is already."""
    with audit.change(actor=actor, reason=reason) as change:
        person = rights.acting(change, actor)
        item = lock_item(change, item_pk)
        rights.demand(person, "withdraw_evidence", item.subject)
        refuse_withdrawn(item)
        return change.save(
            Withdrawal(
                item=item, withdrawn_by=person, withdrawn_at=change.now, reason=change.reason
            ),
            event="evidence.withdrawn",
            facts={"digest": item.digest},
        )


# What was given


@dataclass
class _Given:
    release: int | None
    version: int | None
    kind: str
    title: str
    verdict: str
    vouched_by: str
    standing: str
    answers: dict[str, Any]
    expires_at: datetime | None
    replaces: UUID | None
    has_files: bool
    delivery: Delivery | None
    runs: list[Run]


def _subject(given: _Given) -> Release | ModelVersion:
    """Read the release or version anew. Raises `Refused` unless exactly one is named."""
    if (given.release is None) == (given.version is None):
        sentence = "Name a release or a model version, one of them."
        raise Refused(Reason("ONE_SUBJECT", sentence, "release"))
    if given.release is not None:
        return Release.objects.select_related("use_case__team").get(pk=given.release)
    return ModelVersion.objects.select_related("model__team").get(pk=given.version)


# Judging


def _judge(given: _Given, subject, now: datetime) -> tuple[EvidenceItem, list[Reason]]:
    """Return the item as it would be saved at `now`, and every reason why it cannot be."""
    item = EvidenceItem(
        id=uuid4(),
        kind=given.kind,
        release=subject if given.release else None,
        version=subject if given.version else None,
        title=given.title,
        verdict=given.verdict,
        standing=given.standing,
        vouched_by=given.vouched_by,
        created_at=now,
    )
    fields = ("kind", "title", "verdict", "standing", "vouched_by")
    reasons = field_reasons(item, *fields) + subject_problems(KINDS.get(given.kind), subject)
    if kind := KINDS.get(given.kind):
        item.expires_at = given.expires_at or rules.add_months(now, kind.life_months)
        reasons += rules.life_problems(kind, created=now, expires=item.expires_at)
        item.answers, problems = rules.judge_answers(
            kind,
            given.answers,
            has_files=given.has_files,
            releases=releases_named(kind, given.answers, subject),
        )
        reasons += problems
    if given.replaces:
        old = EvidenceItem.objects.filter(pk=given.replaces).first()
        reasons += _replacement_reasons(item, old)
        item.replaces = old  # only now: it makes `old` believe that it is replaced
    for place, run in enumerate(given.runs):
        reasons += judge_run(run, now, f"runs.{place}.")
    return item, reasons


def subject_problems(kind: Kind | None, subject: Release | ModelVersion) -> list[Reason]:
    """Return why evidence of a kind cannot be about a subject; the page shows the same."""
    noun, name = subject._meta.verbose_name, "release"
    reasons = []
    if isinstance(subject, ModelVersion):
        name = "version"
        if kind and kind.of_release_only:
            sentence = (
                f"{kind.name} is about a release, never about a model version. Name a release."
            )
            reasons.append(Reason("OF_RELEASE_ONLY", sentence, name))
    if subject.sealed_at is None:
        sentence = (
            f"The {noun} {subject} is a draft and may change under its evidence. Seal it first."
        )
        reasons.append(Reason("NOT_SEALED", sentence, name))
    return reasons


def releases_named(kind: Kind, answers: Mapping[str, Any], subject) -> dict[str, str]:
    """Return the digests of the releases that answers may name, by key and by digest itself."""
    named = {str(answers.get(q.key)) for q in kind.questions if q.type == "release"}
    if not isinstance(subject, Release):
        return {}
    found = Release.objects.filter(use_case=subject.use_case_id, sealed_at__isnull=False).exclude(
        pk=subject.pk
    )
    keys = [name for name in named if name.isascii() and name.isdigit() and len(name) < 19]
    releases = {}
    for release in found.filter(pk__in=keys) | found.filter(digest__in=named):
        releases |= {str(release.pk): release.digest, release.digest: release.digest}
    return releases


def _replacement_reasons(item: EvidenceItem, old: EvidenceItem | None) -> list[Reason]:
    if old is None or (old.release_id, old.version_id, old.kind) != (
        item.release_id,
        item.version_id,
        item.kind,
    ):
        sentence = "An item replaces one of the same kind about the same thing. Choose such a one."
        return [Reason("REPLACES_OTHER", sentence, "replaces")]
    if hasattr(old, "withdrawal"):
        sentence = f"“{old}” was withdrawn; there is nothing to replace. Leave this empty."
        return [Reason("REPLACES_WITHDRAWN", sentence, "replaces")]
    if hasattr(old, "replaced_by"):
        sentence = f"“{old}” was replaced already. Replace “{old.replaced_by}” instead."
        return [Reason("REPLACED_ALREADY", sentence, "replaces")]
    return []


def _room(subject: Release | ModelVersion, kept: list[storage.Kept]) -> list[Reason]:
    """Judge the files of all evidence that a promotion of the subject may rest on."""
    if not kept:
        return []
    files = EvidenceFile.objects.order_by()
    if isinstance(subject, Release):
        about = Q(item__release=subject) | Q(item__version=subject.model_version_id)
        held = _bytes(files.filter(about))
    else:
        of_release = files.filter(item__release__model_version=subject)
        fullest = (
            of_release.values("item__release").annotate(bytes=Sum("size")).order_by("-bytes")[:1]
        )
        held = _bytes(files.filter(item__version=subject)) + sum(row["bytes"] for row in fullest)
    added = sum(file.size for file in kept)
    return rules.subject_full(held=held, added=added, limit=settings.EVIDENCE_PROMOTION_MAX_BYTES)


def _bytes(files) -> int:
    return files.aggregate(bytes=Sum("size"))["bytes"] or 0


def _same_file_twice(files: list[storage.Kept]) -> list[Reason]:
    seen: dict[str, str] = {}
    reasons = []
    for file in files:
        if first := seen.get(file.sha256):
            sentence = f"“{first}” and “{file.name}” are the same file. Attach it once."
            reasons.append(Reason("FILE_TWICE", sentence, "files"))
        seen.setdefault(file.sha256, file.name)
    return reasons
