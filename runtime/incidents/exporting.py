"""All of an incident in one archive that is verified without this server.

The same record gives the same bytes. `SHA256SUMS` names every other file with its digest, so that
`sha256sum -c` finds what was changed; what has a digest of its own in Gatehouse is stored as the
very bytes under it.
"""

import json
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db.models import Q

from audit.bundling import Bundle
from audit.models import Entry
from audit.rules import canonical
from evidence.models import EvidenceItem
from gates.models import Package, PackagePerson, Promotion
from registry.models import Person, Release
from runtime.incidents.models import Incident
from runtime.incidents.reading import WITH, affected_records, find, said_of, scope
from runtime.models import RecordBatch, RequestRecord, Snapshot
from runtime.records.finding import said_of as said_of_record
from runtime.records.holding import held_by
from runtime.records.pruned import leaves_of
from runtime.timeline.activations import Walk, walk
from runtime.timeline.active_at import active_at
from runtime.timeline.finding import said_of as said_of_event
from runtime.timeline.finding import timeline

#: Records of one archive, the affected ones first; how many there are is said in it.
MOST = 50_000
#: Batches whose hashes go along, and packages.
BATCHES, PACKAGES = 1000, 200

README = """\
Incident {pk}: {title}

Taken from {origin} for {reader}, who may have seen less than there is; each file says how much it
leaves out. To see that nothing was changed since, run in this folder:

    sha256sum -c SHA256SUMS

The digest of SHA256SUMS itself is what two archives are compared by.

incident.json       what is said of the incident, with its figures, notes and follow-ups
timeline.json       what changed in its window, most recorded requests touched first
differences.json    what differs from each generation of the window to the next
active_at.json      what was active when it began, and when the first request was affected
records.ndjson      request records, one on a line, as routers sent them
batches.json        for each batch of those records the hash of every record in it (RFC 6962
                    leaves, in the order of their ids) and the root that the log names
snapshots/          what routers were told, by digest: the digest is the SHA-256 of the file
packages/           what was signed, by digest: the digest is the SHA-256 of the file
releases/           the releases themselves, by digest, likewise
signatures.json     who signed which package, in which role, with which meaning and reason
evidence.json       what those packages rest on: each item with its digest and its files'
log.ndjson          the entries of the audit log about the incident, as they were hashed
"""


def _add(bundle: Bundle, name: str, value: Any) -> None:
    bundle.add_json(name, _plain(value))


def _plain(value: Any) -> Any:
    """Return a document as digests are taken over one: with fractions as text."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, float) else value


def export(incident: Incident, reader: Person) -> Bundle:
    """Return the archive of an incident, as far as the reader may see what is in it.

    Whoever takes it closes it.
    """
    incident = Incident.objects.select_related(*WITH).get(pk=incident.pk)
    found = find(incident, reader)
    about = scope(incident, reader)
    walked = walk(about)
    bundle = Bundle()
    try:
        _about(bundle, incident, found, about, walked, reader)
        _records(bundle, incident, found, reader)
        promotions = _promotions(incident, found, reader)
        _decisions(bundle, promotions, reader)
        _log(bundle, incident)
        words = {"pk": incident.pk, "title": incident.title, "reader": reader.username}
        origin = settings.GATEHOUSE_URL or "Gatehouse"
        bundle.add("README.txt", README.format(origin=origin, **words).encode())
        bundle.sum_up()
    except BaseException:
        bundle.close()
        raise
    return bundle


def _about(bundle: Bundle, incident, found, about, walked: Walk, reader) -> None:
    _add(bundle, "incident.json", said_of(found, reader))
    changed = timeline(about, reader, walked)
    _add(
        bundle,
        "timeline.json",
        {
            "since": about.since,
            "until": about.until,
            "requests": changed.whole.requests,
            "more": changed.more,
            "events": [said_of_event(one) for one in changed.ranked],
        },
    )
    _add(
        bundle,
        "differences.json",
        [
            {
                "environment": one.environment,
                "generation": one.generation,
                "at": one.at,
                "changes": one.changes,
                "hidden": one.hidden,
            }
            for one in changed.events
            if one.changes or one.hidden
        ],
    )
    moments = dict.fromkeys(filter(None, (about.since, found.affected.first)))
    _add(
        bundle,
        "active_at.json",
        [
            said
            for environment in about.environments
            for at in moments
            if (said := active_at(environment, reader, at, about.use_case)) is not None
        ],
    )
    if reader.sees_all:
        # A snapshot names what every team runs: whoever does not see all gets the differences.
        keys = {one.row.snapshot_id for one in walked.steps}
        rows = Snapshot.objects.filter(pk__in=keys).order_by("digest")
        for digest, content in rows.values_list("digest", "content"):
            bundle.add(f"snapshots/{_named(digest)}.json", content.encode())
    digests = {link.release.digest for link in found.links if link.release}
    digests |= {
        one["release"]["digest"]
        for step in walked.steps
        for one in step.document["deployments"]
        if about.use_case is None or one["use_case"] == about.use_case.slug
    }
    releases = Release.objects.visible_to(reader).filter(digest__in=digests).order_by("digest")
    for digest, content in releases.values_list("digest", "content"):
        bundle.add(f"releases/{_named(digest)}.json", content.encode())


def _named(digest: str) -> str:
    return digest.removeprefix("sha256:")


def _records(bundle: Bundle, incident: Incident, found, reader: Person) -> None:
    """Write the records: those that were affected first, then what else the incident holds."""
    affected = affected_records(incident, found.links, reader)
    held = RequestRecord.objects.visible_to(reader).filter(held_by(incident))
    total = held.count()
    keys = list(affected.order_by("id").values_list("id", flat=True)[:MOST])
    if len(keys) < MOST:
        others = held.exclude(id__in=affected.order_by().values("id")).order_by("id")
        keys += list(others.values_list("id", flat=True)[: MOST - len(keys)])
    count, batches = 0, set()
    with bundle.file("records.ndjson") as file:
        for some in _chunks(sorted(keys)):
            rows = RequestRecord.objects.filter(pk__in=some).select_related("environment", "router")
            for row in rows.order_by("id"):
                said = {**said_of_record(row), "batch": str(row.batch_id), "leaf": row.leaf}
                file.write(canonical(_plain(said)) + b"\n")
                count += 1
                batches.add(row.batch_id)
    rows = RecordBatch.objects.filter(pk__in=sorted(batches)[:BATCHES]).order_by("pk")
    _add(
        bundle,
        "batches.json",
        {
            "records": count,
            "records_held": total,
            "batches_left_out": max(0, len(batches) - BATCHES),
            "batches": [
                {
                    "id": str(one.pk),
                    "count": one.count,
                    "root": one.root,
                    "change": str(one.change_id),
                    "leaves": [[str(pk), leaf] for pk, leaf in leaves_of(one.pk)],
                }
                for one in rows
            ],
        },
    )


def _chunks(keys: list) -> Iterator[list]:
    for begin in range(0, len(keys), 500):
        yield keys[begin : begin + 500]


def _promotions(incident: Incident, found, reader: Person) -> list[Promotion]:
    """Return what let the linked releases, or those of the incident's use case, in there."""
    releases = [link.release_id for link in found.links if link.release_id]
    asked = Q(release__in=releases)
    if incident.use_case_id is not None:
        asked |= Q(release__use_case=incident.use_case_id)
    rows = Promotion.objects.visible_to(reader).filter(asked).exclude(decided_package=None)
    if incident.environment_id is not None:
        rows = rows.filter(environment=incident.environment_id)
    return list(
        rows.select_related("decided_package", "release__use_case", "environment").order_by("pk")[
            :PACKAGES
        ]
    )


def _decisions(bundle: Bundle, promotions: list[Promotion], reader: Person) -> None:
    packages = Package.objects.filter(pk__in=[one.decided_package_id for one in promotions])
    contents = dict(packages.order_by("digest").values_list("digest", "content"))
    for digest, content in contents.items():
        bundle.add(f"packages/{_named(digest)}.json", content.encode())
    signed = PackagePerson.objects.filter(
        promotion__in=promotions, kind=PackagePerson.Kind.SIGNER
    ).order_by("pk")
    _add(
        bundle,
        "signatures.json",
        [
            {
                "promotion": one.promotion_id,
                "package": one.package_digest,
                "by": one.printed_name,
                "role": one.role,
                "verdict": one.verdict,
                "meaning": one.meaning,
                "reason": one.reason,
                "at": one.signed_at,
                "authentication": one.authentication,
            }
            for one in signed
        ],
    )
    named: dict[str, dict] = {}
    for content in contents.values():
        for rest in json.loads(content)["rests_on"]:
            named |= {str(item["id"]): item for item in rest["evidence"]}
    rows = EvidenceItem.objects.visible_to(reader).filter(pk__in=list(named))
    rows = rows.prefetch_related("files").order_by("pk")
    items = [
        {
            "id": str(one.pk),
            "title": one.title,
            "kind": one.kind,
            "verdict": one.verdict,
            "digest": named[str(one.pk)]["digest"],
            "expires_at": one.expires_at,
            "files": [
                {"name": file.name, "sha256": file.sha256, "size": file.size}
                for file in sorted(one.files.all(), key=lambda file: file.pk)
            ],
        }
        for one in rows
    ]
    _add(bundle, "evidence.json", {"items": items, "hidden": len(named) - len(items)})


def _log(bundle: Bundle, incident: Incident) -> None:
    """Write the entries about the incident and all that hangs on it, as the bytes are hashed."""
    rows = Entry.objects.filter(about=incident.key).order_by("seq")
    lines = (f"{body}\n" for body in rows.values_list("body", flat=True))
    bundle.add("log.ndjson", "".join(lines).encode())
