"""Finding request records: by what they were for, and by any of the ids they carry."""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Max, Min, Q, QuerySet

from audit import Reason, clock
from audit.instants import read_instant
from registry.models import (
    Environment,
    ModelVersion,
    Person,
    PolicyVersion,
    PromptVersion,
    Release,
    Router,
    UseCase,
)
from runtime.records.bundles import holding
from runtime.records.fields import DIGEST, ID, NAME, RAN, SLUG, STATUSES, first_id, made_at
from runtime.records.gaps import Gaps, missing
from runtime.records.models import Bundle, RequestRecord

#: What a list may be narrowed by, each by a parameter of its address.
NAMES = (
    "environment",
    "use_case",
    "router",
    "release",
    "model",
    "prompt",
    "policy",
    "deployment",
    "status",
    "doubtful",
    "from",
    "to",
)
EVERY_STATUS = tuple(word for words in STATUSES.values() for word in words)
MODEL = re.compile(r"[A-Za-z0-9_-]{1,50}(?:/[A-Za-z0-9_-]{1,60})?", re.ASCII)
NUMBERED = re.compile(rf"[A-Za-z0-9_-]{{1,50}}/[0-9]{{1,9}}|{DIGEST.pattern}", re.ASCII)
#: Ids by which one finds a request, in the order they are tried, with what is said of them.
KEYS = {"request": "request", "trace": "trace", "conversation": "conversation"}
#: Records of one id that are looked at, and routers of a list whose gaps are told.
MOST, ROUTERS = 200, 20
#: How long something that ran without approval is an alert on the first page.
ALERT_FOR = timedelta(days=7)


@dataclass(frozen=True)
class Filters:
    """What a list is narrowed to; empty ones take all."""

    environment: str = ""
    use_case: str = ""
    router: str = ""
    #: use-case/number of a release, or its digest.
    release: str = ""
    #: A model's slug, or slug/version.
    model: str = ""
    #: template/number of a prompt version, or its digest.
    prompt: str = ""
    #: pack/number of a policy version, or the digest of an effective policy.
    policy: str = ""
    deployment: str = ""
    status: str = ""
    doubtful: bool = False
    since: datetime | None = None
    until: datetime | None = None


def read(given: Mapping[str, str]) -> tuple[Filters, list[Reason]]:
    """Return the filters that an address names, and what is wrong with them."""
    reasons: list[Reason] = []

    def matching(name: str, pattern, sentence: str) -> str:
        text = given.get(name, "").strip()
        if text and not pattern.fullmatch(text):
            reasons.append(Reason("NOT_READABLE", sentence, name))
        return text

    ends: dict[str, datetime | None] = {"from": None, "to": None}
    for name in ends:
        if text := given.get(name, "").strip():
            ends[name], problem = read_instant(text)
            if problem:
                reasons.append(Reason("NOT_AN_INSTANT", problem, name))
    status = given.get("status", "").strip()
    if status and status not in EVERY_STATUS:
        sentence = f"Give one of {', '.join(EVERY_STATUS)}."
        reasons.append(Reason("NOT_READABLE", sentence, "status"))
    doubtful = given.get("doubtful", "").strip()
    if doubtful not in ("", "yes"):
        reasons.append(Reason("NOT_READABLE", "Give yes, or leave it out.", "doubtful"))
    found = Filters(
        environment=matching("environment", SLUG, "Give the slug of an environment."),
        use_case=matching("use_case", SLUG, "Give the slug of a use case."),
        router=matching("router", SLUG, "Give the slug of a router."),
        release=matching("release", NUMBERED, "Give use-case/number of a release, or its digest."),
        model=matching("model", MODEL, "Give the slug of a model, or slug/version."),
        prompt=matching("prompt", NUMBERED, "Give template/number of a prompt, or its digest."),
        policy=matching("policy", NUMBERED, "Give pack/number of a policy, or a policy's digest."),
        deployment=matching("deployment", NAME, "Give the name of a deployment."),
        status=status,
        doubtful=doubtful == "yes",
        since=ends["from"],
        until=ends["to"],
    )
    return found, reasons


def matching(filters: Filters, reader: Person) -> QuerySet:
    """Return the records that the reader may see and the filters name, newest first.

    Times are those of the ids: when the router made the record.
    """
    where = named(filters, reader)
    if filters.since:
        where["id__gte"] = first_id(filters.since)
    if filters.until:
        where["id__lt"] = first_id(filters.until)
    rows = RequestRecord.objects.visible_to(reader).filter(**where)
    if filters.doubtful:
        rows = rows.exclude(unverified="")
    return rows.select_related("environment", "router").order_by("-id")


def named(filters: Filters, reader: Person) -> dict[str, Any]:
    """Return what the filters name, but for times and doubts, as conditions on columns.

    Counts have the same columns as records.
    """
    where: dict[str, Any] = {}
    if filters.environment:
        where["environment__in"] = _keys(Environment, reader, slug=filters.environment)
    if filters.use_case:
        where["use_case__in"] = _keys(UseCase, reader, slug=filters.use_case)
    if filters.release:
        where["release__in"] = list(releases(filters.release, reader).values_list("pk", flat=True))
    if filters.router:
        where["router__in"] = _keys(Router, reader, slug=filters.router)
    if filters.model:
        slug, _, version = filters.model.partition("/")
        of = {"model__slug": slug} | ({"version": version} if version else {})
        where["model_version__in"] = _keys(ModelVersion, reader, **of)
    if filters.prompt:
        of = _numbered(filters.prompt, "template")
        digests = PromptVersion.objects.visible_to(reader).filter(**of).values_list("digest")
        where["prompt_bundle__in"] = holding(one for (one,) in digests if one)
    if filters.policy:
        where["policy_bundle__in"] = _policies(filters.policy, reader)
    if filters.deployment:
        where["deployment"] = filters.deployment
    if filters.status:
        where["status"] = filters.status
    return where


def releases(text: str, reader: Person) -> QuerySet[Release]:
    """Return the release that a filter names, if the reader may see it."""
    return Release.objects.visible_to(reader).filter(**_numbered(text, "use_case"))


def _numbered(text: str, parent: str) -> dict[str, Any]:
    slug, _, number = text.partition("/")
    if not number:
        return {"digest": text}
    return {f"{parent}__slug": slug, "number": int(number)}


def _policies(text: str, reader: Person) -> list[int]:
    """Return the bundles of one policy: by its own digest, or by a version of a pack in it."""
    if "/" not in text:
        return list(Bundle.objects.filter(digest=text).values_list("pk", flat=True))
    rows = PolicyVersion.objects.visible_to(reader).filter(**_numbered(text, "pack"))
    return holding(str(one) for one in rows.select_related("pack"))


def _keys(noun, reader: Person, **where) -> list:
    # Read first: beside the list, the database would begin with the wrong one of two indexes.
    return list(noun.objects.visible_to(reader).filter(**where).values_list("pk", flat=True))


def called(name: str, reader: Person) -> tuple[str, list[RequestRecord]]:
    """Return the records of one request, trace or conversation, and as which it was found.

    The id of a record itself finds its request. At most `MOST` are returned, oldest first.
    """
    seen = RequestRecord.objects.visible_to(reader)
    if not ID.fullmatch(name):
        return "", []
    try:
        own = seen.filter(pk=uuid.UUID(name)).values_list("request", flat=True).first()
    except ValueError:
        own = None
    for key, said in KEYS.items():
        # The second condition is the index's own.
        rows = seen.filter(~Q(**{key: ""}), **{key: own if own and key == "request" else name})
        rows = rows.select_related("environment", "router", "release__use_case")
        if found := list(rows.order_by("id")[:MOST]):
            return said, found
    return "", []


@dataclass(frozen=True)
class Running:
    """What a router of an environment ran that was not published so: how often, and when."""

    environment: str
    router: str
    count: int
    first: datetime
    last: datetime


def not_approved(reader: Person) -> list[Running]:
    """Return what ran lately and should not have, by environment and router."""
    rows = RequestRecord.objects.visible_to(reader).filter(
        ~Q(unverified=""), status__in=RAN, id__gte=first_id(clock.now() - ALERT_FOR)
    )
    grouped = (
        rows.order_by()
        .values_list("environment__slug", "router__slug")
        .annotate(Count("pk"), Min("occurred_at"), Max("occurred_at"))
        .order_by("environment__slug", "router__slug")
    )
    return [Running(*one) for one in grouped[:ROUTERS]]


def gaps_of(rows: list[RequestRecord]) -> list[tuple[Router, Gaps]]:
    """Return what is missing of each router that a list shows."""
    routers = {one.router_id: one.router for one in rows}
    found = ((router, missing(router)) for _, router in sorted(routers.items())[:ROUTERS])
    return [(router, said) for router, said in found if said.records]


def said_of(row: RequestRecord) -> dict[str, Any]:
    """Return one record as lists say it."""
    return {
        "id": str(row.pk),
        "kind": row.kind,
        "at": row.occurred_at,
        "made_at": made_at(row.pk),
        "received_at": row.received_at,
        "environment": row.environment.slug,
        "router": row.router.slug,
        "seq": row.router_seq,
        "request": row.request,
        "attempt": row.attempt,
        "trace": row.trace,
        "conversation": row.conversation,
        "use_case": row.route,
        "status": row.status,
        "reason": row.reason,
        "failure": row.failure,
        "generation": row.generation,
        "snapshot": row.snapshot_digest,
        "deployment": row.deployment,
        "release": row.release_digest,
        "prompts": row.prompts,
        "policy": row.policy_digest,
        "served_release": row.served_release,
        "engine": row.engine,
        "facts": row.facts,
        "tokens_in": row.tokens_in,
        "tokens_out": row.tokens_out,
        "latency_ms": row.latency_ms,
        "erased": row.erased,
        "masked": row.masked,
        "unverified": row.unverified,
        "skewed": row.skewed,
    }
