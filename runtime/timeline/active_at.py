"""What was active at an instant, in three answers: published, held by routers, used by requests.

The third is free of clocks: every record names the generation that decided it. Where the answers
do not agree, that is a discrepancy, told in words.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count

from audit.rules import instant_text
from registry.models import Environment, Person, Release, RouterReport, UseCase
from runtime.explaining import active
from runtime.models import RequestRecord
from runtime.records.fields import ROUTE, first_id
from runtime.records.judging import DOUBTS
from runtime.routers import Report, held, routers_of

#: Requests of so long after the instant's minute began are its requests.
WITHIN = timedelta(minutes=1)
#: Routers and groups of requests that are told of.
MOST = 200


@dataclass(frozen=True)
class Held:
    """What one router held: None if it had not said anything by then."""

    router: str
    generation: int | None
    since: datetime | None
    heard_at: datetime | None


@dataclass(frozen=True)
class Used:
    """Requests of that minute which one generation decided for one release."""

    use_case: str
    release: int | None
    generation: int | None
    requests: int
    unverified: str


@dataclass(frozen=True)
class Discrepancy:
    """Where two of the answers do not agree."""

    code: str
    sentence: str


def active_at(
    environment: Environment, reader: Person, at: datetime, use_case: UseCase | None = None
) -> dict[str, Any] | None:
    """Return the three answers; None before the environment's first generation."""
    published = active(environment, reader, at)
    if published is None:
        return None
    if use_case is not None:
        rows = [one for one in published["deployments"] if one["use_case"] == use_case.slug]
        published = {**published, "deployments": rows}
    routers, used = _held(environment, at), _used(environment, reader, at, use_case)
    begins = at.replace(second=0, microsecond=0)
    found = [*_of_routers(published, routers), *_of_requests(published, used)]
    return {
        "environment": environment.slug,
        "at": instant_text(at),
        "published": published,
        "held": [asdict(one) for one in routers],
        "used": [asdict(one) for one in used],
        "used_from": begins,
        "used_to": begins + WITHIN,
        "discrepancies": [asdict(one) for one in found],
    }


def _held(environment: Environment, at: datetime) -> list[Held]:
    routers = list(routers_of(environment)[:MOST])
    rows = RouterReport.objects.filter(router__in=routers, first_seen_at__lte=at)
    said: dict[int, list[Report]] = {}
    for one in rows.order_by("generation"):
        # What it said later is not known at that instant.
        until = min(one.last_seen_at, at)
        said.setdefault(one.router_id, []).append(Report(one.generation, one.first_seen_at, until))
    found = []
    for router in routers:
        reports = said.get(router.pk, [])
        report = held(reports)
        found.append(
            Held(
                router.slug,
                report.generation if report else None,
                report.first_seen_at if report else None,
                max((one.last_seen_at for one in reports), default=None),
            )
        )
    return found


def _used(
    environment: Environment, reader: Person, at: datetime, use_case: UseCase | None
) -> list[Used]:
    begins = at.replace(second=0, microsecond=0)
    rows = RequestRecord.objects.visible_to(reader).filter(
        environment=environment,
        kind=ROUTE,
        id__gte=first_id(begins),
        id__lt=first_id(begins + WITHIN),
    )
    if use_case is not None:
        rows = rows.filter(use_case=use_case)
    counted = (
        rows.order_by()
        .values_list("route", "release", "generation", "unverified")
        .annotate(requests=Count("pk"))
        .order_by("-requests", "route")[:MOST]
    )
    counted = list(counted)
    numbers = dict(
        Release.objects.filter(pk__in={row[1] for row in counted}).values_list("pk", "number")
    )
    return [
        Used(route, numbers.get(release), generation, requests, unverified)
        for route, release, generation, unverified, requests in counted
    ]


def _of_routers(published: dict, routers: list[Held]) -> Iterator[Discrepancy]:
    active_one = published["generation"]
    for one in routers:
        if one.generation is None or one.generation == active_one:
            continue
        code, how = (
            ("ROUTER_BEHIND", "still held")
            if one.generation < active_one
            else ("ROUTER_AHEAD", "said it held")
        )
        yield Discrepancy(
            code,
            f"{one.router} {how} generation {one.generation}, while {active_one} was published.",
        )


def _of_requests(published: dict, used: list[Used]) -> Iterator[Discrepancy]:
    active_one = published["generation"]
    total = sum(one.requests for one in used)
    other: dict[int, int] = {}
    for one in used:
        if one.generation is not None and one.generation != active_one:
            other[one.generation] = other.get(one.generation, 0) + one.requests
    for generation, count in sorted(other.items()):
        yield Discrepancy(
            "USED_OTHER_GENERATION",
            f"{count} of {total} requests of that minute were decided by generation {generation}, "
            f"while {active_one} was published.",
        )
    doubtful: dict[str, int] = {}
    for one in used:
        if one.unverified:
            doubtful[one.unverified] = doubtful.get(one.unverified, 0) + one.requests
    for code, count in sorted(doubtful.items()):
        yield Discrepancy(code, f"{count} of {total} requests: {DOUBTS[code]}")
