"""Keeping a batch of records: one statement, one entry of the log, one answer for each line."""

import json
import logging
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, connections

import audit
from audit import Reason, clock
from audit.rules import canonical, leaf_hash, push, root
from registry.models import Environment, Person, Release, Router, UseCase
from runtime.models import Activation, Snapshot
from runtime.records import bundles, counting, gaps
from runtime.records.fields import AHEAD
from runtime.records.judging import Generation, Published, doubt, doubt_of_release, published
from runtime.records.models import RecordBatch, RequestRecord
from runtime.records.pruned import payloads
from runtime.records.reading import Item, items

log = logging.getLogger("gatehouse.records")

ACCEPTED, DUPLICATE, CONFLICT, INVALID = "accepted", "duplicate", "conflict", "invalid"

CONFLICTING = Reason(
    "CONFLICT",
    "There is another record under this id. Give every record an id of its own, once.",
    "id",
)
#: Columns that follow from others: the hash itself, and by which bundles a record is found.
NOT_IN_LEAF = ("leaf", "prompt_bundle_id", "policy_bundle_id")
#: Generations that calls of one batch are held against, if they do not say of which they are.
MOST_GENERATIONS = 100
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
    return keep(read, router, actor=actor, now=now, sent_at=sent_at)


def keep(
    read: list[Item],
    router: Router,
    *,
    actor: Person,
    now: datetime,
    sent_at: datetime | None = None,
) -> list[Answer]:
    """Keep what was read of a batch, and answer each item in its order."""
    first: dict[uuid.UUID, Item] = {}
    for item in read:
        if not item.problems:
            first.setdefault(item.values["id"], item)
    _warn(read, router)
    # What was pruned is not taken in anew: it is known, as what is there.
    gone = payloads(first, now)
    new = [item for pk, item in first.items() if pk not in gone]
    kept = _keep(new, router, actor, now, sent_at) if new else set()
    there = _there(first.keys() - kept - gone.keys()) | gone
    return [_answer(item, first, kept, there, router) for item in read]


def _warn(read: Iterable[Item], router: Router) -> None:
    """Say in the log which records cannot be kept and why: the router alone is told otherwise."""
    refused = [item.problems[0] for item in read if item.problems]
    for code in sorted({one.code for one in refused}):
        some = [one for one in refused if one.code == code]
        log.warning("%s: %s records refused (%s). %s", router, len(some), code, some[0].sentence)


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
    name = uuid.uuid4()
    skewed = sent_at is not None and abs(sent_at - now) > AHEAD
    own = {
        "batch_id": name,
        "router_id": router.pk,
        "environment_id": router.environment_id,
        "received_at": now,
    }
    rows, packs = _resolved(found, router.environment)
    for row in rows:
        row.update(own)
        row["skewed"] = skewed or row["occurred_at"] > now + AHEAD
        row["leaf"] = leaf(row)
    # In one order, so that two batches with the same records wait for each other and no more.
    rows.sort(key=lambda row: row["id"])
    with audit.change(actor=actor, reason=f"Records of the router {router} came in.") as change:
        bundles.tie(rows, packs)
        kept = _insert(rows)
        mine = [row for row in rows if row["id"] in kept]
        if not mine:
            return kept
        numbers = [(row["router_seq"], row["occurred_at"]) for row in mine if row["router_seq"]]
        if numbers:
            gaps.note(router, numbers)
        counting.add(mine)
        batch = RecordBatch(
            id=name,
            environment=router.environment,
            router=router,
            received_at=now,
            count=len(mine),
            first_id=mine[0]["id"],
            last_id=mine[-1]["id"],
            root=root_of(row["leaf"] for row in mine),
        )
        change.save(
            batch,
            event="records.appended",
            facts={"count": len(mine), **_range(batch)},
        )
    return kept


def _range(batch: RecordBatch) -> dict[str, str]:
    """Return what the entry says besides the count, so that it proves without the row."""
    return {"first": str(batch.first_id), "last": str(batch.last_id), "root": batch.root}


# What a batch proves


def leaf(row: Mapping[str, Any]) -> str:
    """Return the hash of one record over all columns that do not follow from the others."""
    said = {name: value for name, value in row.items() if name not in NOT_IN_LEAF}
    return leaf_hash(canonical(said)).hex()


def root_of(leaves: Iterable[str]) -> str:
    """Return the root over the hashes of a batch, in the order of their ids."""
    peaks: list[bytes] = []
    for size, one in enumerate(leaves):
        push(peaks, size, bytes.fromhex(one))
    return f"sha256:{root(peaks).hex()}"


# What the names in records stand for


def _resolved(
    found: list[Item], environment: Environment
) -> tuple[list[dict[str, Any]], dict[str, tuple[str, ...]]]:
    """Return the columns of each record, with the rows that it names and what is doubtful.

    Beside them, the versions of packs that make each policy in their snapshots.
    """
    generations = _generations(environment, {one.values.get("generation") for one in found})
    active = _active_around(environment, [one.values for one in found if _names_release_alone(one)])
    digests = {one.values.get("release_digest") for one in found}
    releases = {
        one.digest: one
        for one in Release.objects.filter(digest__in=digests - {None})
        .select_related("use_case")
        .only("digest", "model_version", "use_case__slug")
    }
    packs: dict[str, tuple[str, ...]] = {}
    placed = []
    for one in found:
        generation = generations.get(one.values.get("generation"))
        release = releases.get(one.values.get("release_digest"))
        placed.append((one, _placed(one.values, generation, release), generation, release))
    use_cases = UseCase.objects.filter(slug__in={values["route"] for _, values, _, _ in placed})
    keys = dict(use_cases.values_list("slug", "pk"))
    rows = []
    for one, values, generation, release in placed:
        if _names_release_alone(one):
            around = list(_at(active, values["occurred_at"]))
            code = doubt_of_release(values, around)
            # It does not say which, but one of them offered what ran.
            fits = (one for one in around if not doubt_of_release(values, [one]))
            generation = next(fits, None)
        else:
            code = doubt(values, generation)
        said = {name: value for name, value in values.items() if name in NOTHING}
        row = {**NOTHING, **said, "payload_sha256": one.payload_sha256, "unverified": code}
        row |= {"use_case_id": keys.get(values["route"])}
        if release is not None:
            row |= {"release_id": release.pk, "model_version_id": release.model_version_id}
        if generation is not None and not code:
            row |= _filled(values, generation.published)
        packs |= generation.published.packs if generation is not None else {}
        rows.append(row)
    return rows, packs


def _names_release_alone(one: Item) -> bool:
    """Whether it is of a trace, and names a release without saying in which generation."""
    values = one.values
    return values.get("router_seq") is None and values.get("generation") is None


def _placed(values: Mapping[str, Any], generation: Generation | None, release: Release | None):
    """Return the values with the use case that they leave unsaid, as a trace may."""
    if values["route"]:
        return values
    if generation is not None and (
        offered := generation.published.offered.get(values.get("deployment", ""))
    ):
        return {**values, "route": offered.use_case}
    return {**values, "route": release.use_case.slug} if release is not None else values


def _active_around(environment: Environment, values: list[Mapping[str, Any]]) -> list[Generation]:
    """Return the generations that were active around the instants of `values`, newest first."""
    if not values:
        return []
    instants = [one["occurred_at"] for one in values]
    rows = Activation.objects.filter(environment=environment).order_by("-generation")
    rows = rows.filter(change__at__lte=max(instants) + AHEAD)
    before = rows.filter(change__at__lte=min(instants) - AHEAD).values_list("generation", flat=True)
    # Those that came in between and the one that was active at first.
    since = before.first() or 0
    rows = rows.filter(generation__gte=since)[:MOST_GENERATIONS]
    return [
        Generation(at, digest, _published(digest))
        for at, digest in rows.values_list("change__at", "snapshot__digest")
    ]


def _at(active: list[Generation], instant: datetime) -> Iterator[Generation]:
    """Yield those of `active` that were so around `instant`, newest first."""
    for one in active:
        if one.at <= instant + AHEAD:
            yield one
            if one.at <= instant - AHEAD:
                return


def _filled(values: Mapping[str, Any], said: Published) -> dict[str, Any]:
    """Return what a record that agrees with its snapshot leaves unsaid."""
    release = values.get("release_digest")
    offered = said.offered.get(values.get("deployment", "")) or next(
        (one for one in said.offered.values() if one.release == release), None
    )
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
    columns = [_prepared(field, rows) for field in FIELDS]
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


def _prepared(field, rows: list[dict[str, Any]]) -> list:
    """Return the values of one column as the database takes them.

    Records of one batch say much the same, and preparing a value costs more than looking it up.
    """
    here = connections[DEFAULT_DB_ALIAS]  # not by the proxy, which is asked for each attribute
    known: dict[Any, Any] = {}
    found = []
    for row in rows:
        value = row[field.attname]
        if isinstance(value, list | dict):
            found.append(field.get_db_prep_save(value, here))
            continue
        if value not in known:
            known[value] = field.get_db_prep_save(value, here)
        found.append(known[value])
    return found
