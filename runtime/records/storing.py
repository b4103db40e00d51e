"""Keeping a batch of records: one statement, one entry of the log, one answer for each line."""

import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.db import connection

import audit
from audit import Reason, clock
from audit.rules import canonical, leaf_hash, push, root
from registry.models import Environment, Person, Release, Router, UseCase
from runtime.models import Activation, Snapshot
from runtime.records import gaps
from runtime.records.fields import AHEAD
from runtime.records.judging import Generation, Published, doubt, published
from runtime.records.models import RecordBatch, RequestRecord
from runtime.records.pruned import payloads
from runtime.records.reading import Item, items

ACCEPTED, DUPLICATE, CONFLICT, INVALID = "accepted", "duplicate", "conflict", "invalid"

CONFLICTING = Reason(
    "CONFLICT",
    "There is another record under this id. Give every record an id of its own, once.",
    "id",
)
FIELDS = RequestRecord._meta.concrete_fields
#: What a column holds of which a record says nothing.
NOTHING: Mapping[str, Any] = {field.attname: None if field.null else "" for field in FIELDS} | {
    "prompts": [],
    "facts": {},
    "erased": [],
    "masked": [],
}


@dataclass(frozen=True)
class Answer:
    """What became of one line."""

    item: Item
    outcome: str
    problems: tuple[Reason, ...] = ()


def take(
    lines: list[bytes], router: Router, *, actor: Person, sent_at: datetime | None = None
) -> list[Answer]:
    """Keep every record of a batch that can be kept, and answer each line in its order.

    Whatever the records say, they are those of `router`.

    What is answered `accepted` or `duplicate` is there for good. `sent_at` is the router's own
    time at sending, if it said it: by it its clock is judged.
    """
    now = clock.now()
    read = list(items(lines, router.environment.slug, now))
    first: dict[uuid.UUID, Item] = {}
    for item in read:
        if not item.problems:
            first.setdefault(item.values["id"], item)
    # What was pruned is not taken in anew: it is known, as what is there.
    gone = payloads(first, now)
    new = [item for pk, item in first.items() if pk not in gone]
    kept = _keep(new, router, actor, now, sent_at) if new else set()
    there = _there(first.keys() - kept - gone.keys()) | gone
    return [_answer(item, first, kept, there, router) for item in read]


def _answer(item: Item, first, kept, there, router: Router) -> Answer:
    if item.problems:
        return Answer(item, INVALID, item.problems)
    named = item.values["id"]
    if named in kept:
        if first[named] is item:
            return Answer(item, ACCEPTED)
        same = first[named].payload_sha256 == item.payload_sha256
    else:
        same = there.get(named) == (router.pk, item.payload_sha256)
    return Answer(item, DUPLICATE) if same else Answer(item, CONFLICT, (CONFLICTING,))


def _there(ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, tuple[int, str]]:
    """Return router and payload of those that were kept before, by id."""
    rows = RequestRecord.objects.filter(pk__in=list(ids)) if ids else RequestRecord.objects.none()
    return {
        pk: (router, payload)
        for pk, router, payload in rows.values_list("pk", "router_id", "payload_sha256")
    }


def _keep(
    found: list[Item], router: Router, actor: Person, now: datetime, sent_at: datetime | None
) -> set[uuid.UUID]:
    """Insert what is not there yet, with the entry that stands for it; return its ids."""
    batch = uuid.uuid4()
    skewed = sent_at is not None and abs(sent_at - now) > AHEAD
    own = {
        "batch_id": batch,
        "router_id": router.pk,
        "environment_id": router.environment_id,
        "received_at": now,
    }
    rows = [row | own for row in _resolved(found, router.environment)]
    for row in rows:
        row["skewed"] = skewed or row["occurred_at"] > now + AHEAD
        row["leaf"] = leaf(row)
    # In one order, so that two batches with the same records wait for each other and no more.
    rows.sort(key=lambda row: row["id"])
    with audit.change(actor=actor, reason=f"Records of the router {router} came in.") as change:
        kept = _insert(rows)
        mine = [row for row in rows if row["id"] in kept]
        if not mine:
            return kept
        gaps.note(router, (row["router_seq"] for row in mine))
        change.save(
            RecordBatch(
                id=batch,
                environment=router.environment,
                router=router,
                received_at=now,
                count=len(mine),
                first_id=mine[0]["id"],
                last_id=mine[-1]["id"],
                root=root_of(row["leaf"] for row in mine),
            ),
            event="records.appended",
            facts={"count": len(mine)},
        )
    return kept


# What a batch proves


def leaf(row: Mapping[str, Any]) -> str:
    """Return the hash of one record over all its columns but the hash itself."""
    said = {name: value for name, value in row.items() if name != "leaf"}
    return leaf_hash(canonical(said)).hex()


def root_of(leaves: Iterable[str]) -> str:
    """Return the root over the hashes of a batch, in the order of their ids."""
    peaks: list[bytes] = []
    for size, one in enumerate(leaves):
        push(peaks, size, bytes.fromhex(one))
    return f"sha256:{root(peaks).hex()}"


# What the names in records stand for


def _resolved(found: list[Item], environment: Environment) -> list[dict[str, Any]]:
    """Return the columns of each record, with the rows that it names and what is doubtful."""
    generations = _generations(environment, {one.values.get("generation") for one in found})
    digests = {one.values.get("release_digest") for one in found}
    releases = {
        digest: (pk, version)
        for digest, pk, version in Release.objects.filter(digest__in=digests - {None}).values_list(
            "digest", "pk", "model_version"
        )
    }
    slugs = {one.values["route"] for one in found}
    use_cases = dict(UseCase.objects.filter(slug__in=slugs).values_list("slug", "pk"))
    rows = []
    for one in found:
        values = one.values
        generation = generations.get(values.get("generation"))
        code = doubt(values, generation)
        release, version = releases.get(values.get("release_digest"), (None, None))
        said = {name: value for name, value in values.items() if name in NOTHING}
        row = {**NOTHING, **said, "payload_sha256": one.payload_sha256, "unverified": code}
        row |= {"use_case_id": use_cases.get(values["route"])}
        row |= {"release_id": release, "model_version_id": version}
        if generation is not None and not code:
            row |= _filled(values, generation.published)
        rows.append(row)
    return rows


def _filled(values: Mapping[str, Any], said: Published) -> dict[str, Any]:
    """Return what a record that agrees with its snapshot leaves unsaid."""
    offered = said.offered.get(values.get("deployment", ""))
    return {
        "prompts": list(offered.prompts) if offered else [],
        "policy_digest": said.policies.get(values["route"], ""),
    }


def _generations(environment: Environment, numbers: set) -> dict[int, Generation]:
    rows = Activation.objects.filter(environment=environment, generation__in=numbers - {None})
    return {
        number: Generation(at, digest, _published(digest))
        for number, at, digest in rows.values_list("generation", "change__at", "snapshot__digest")
    }


@lru_cache(maxsize=64)
def _published(digest: str) -> Published:
    """Return what a snapshot says; it never changes under its digest."""
    content = Snapshot.objects.values_list("content", flat=True).get(digest=digest)
    return published(json.loads(content))


# One statement


def _insert(rows: list[dict[str, Any]]) -> set[uuid.UUID]:
    """Insert what is not there, and return the ids of what was inserted."""
    table = connection.ops.quote_name(RequestRecord._meta.db_table)
    names = ", ".join(connection.ops.quote_name(field.column) for field in FIELDS)
    columns = [
        [field.get_db_prep_save(row[field.attname], connection) for row in rows] for field in FIELDS
    ]
    if connection.vendor == "postgresql":
        # A type without its length: what is too long fails, where a cast would cut it.
        types = (field.db_type(connection).partition("(")[0] for field in FIELDS)
        arrays = ", ".join(f"%s::{name}[]" for name in types)
        source = f"SELECT * FROM unnest({arrays})"  # noqa: S608 - our own names
        values = columns
    else:
        read = ", ".join(f"json_extract(value, '$[{place}]')" for place in range(len(FIELDS)))
        source = f"SELECT {read} FROM json_each(%s) WHERE true"  # noqa: S608 - our own names
        values = [json.dumps(list(zip(*columns, strict=True)))]
    statement = f'INSERT INTO {table} ({names}) {source} ON CONFLICT DO NOTHING RETURNING "id"'
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return {uuid.UUID(str(pk)) for (pk,) in cursor.fetchall()}
