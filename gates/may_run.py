"""What may run where, and who is on call for it: approvals that hold now, filtered.

An approval is leave to run at named endpoints, so an endpoint answers for the provider that hosts
it or made what it serves, and for the regions it is in. What is offered to routers there, apps
above say.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime

from django.db.models import Q, QuerySet
from django.http import Http404

from audit import Reason
from audit.naming import Unseen, conceal
from gates.endings import active, unended
from gates.impact import WITH, allowed
from gates.models import Promotion, PromotionEndpoint
from registry.models import (
    EndpointRegion,
    Environment,
    Provider,
    Region,
    Release,
    ServingEndpoint,
    Team,
    UseCase,
)

#: Rows that are named; soonest end first, so what is left out ends later.
SHOWN = 100
SLUG = r"[-a-zA-Z0-9_]{1,60}"
NAMED = (
    *WITH,
    "release__use_case__team",
    "release__on_call_team",
    "release__model_version__model__on_call_team",
    "release__model_version__maker",
)

#: Called with keys of releases, each returns (release, environment, endpoint's slug) of what is
#: offered to routers now. Apps above fill it in `AppConfig.ready()`.
offering: list[Callable[[set[int]], set[tuple[int, int, str]]]] = []


@dataclass(frozen=True)
class Filters:
    """What to name; every filter is a slug but `jurisdiction`, and empty takes all."""

    provider: str = ""
    jurisdiction: str = ""
    region: str = ""
    use_case: str = ""
    environment: str = ""
    team: str = ""

    @property
    def of_endpoints(self) -> bool:
        """Whether it asks for some endpoints only."""
        return bool(self.provider or self.jurisdiction or self.region)


NAMES = tuple(one.name for one in fields(Filters))


@dataclass(frozen=True)
class Where:
    """An endpoint with its regions by purpose, and those that lie outside what was asked for."""

    endpoint: ServingEndpoint
    regions: tuple[tuple[str, tuple[str, ...]], ...]
    outside: tuple[str, ...]


@dataclass(frozen=True)
class MayRun:
    """A release that may run in an environment at endpoints, until an instant.

    `runs_at` are those of the endpoints at which it is offered to routers now.
    """

    release: Release
    environment: Environment
    until: datetime
    note: str
    url: str
    endpoints: tuple[Where, ...]
    runs_at: tuple[str, ...] = ()


@dataclass(frozen=True)
class Found:
    """What may run, how much the reader may not see, and whether there is more."""

    rows: tuple[MayRun, ...]
    hidden: int
    more: bool


def read(given: Mapping) -> tuple[Filters, list[Reason]]:
    """Return the filters that an address names, and what is wrong with them."""
    told = {name: given.get(name, "") for name in NAMES}
    reasons = [
        Reason("NOT_A_SLUG", "Give a slug: letters, digits, - and _, at most 60.", name)
        for name, value in told.items()
        if value and not re.fullmatch(SLUG, value)
    ]
    return Filters(**told), reasons


def may_run(filters: Filters, reader) -> Found:
    """Return what may run now, soonest end first. Raises `Http404` for names that are not seen."""
    wanted = _wanted(filters, reader)
    endpoints = _endpoints(filters)
    if endpoints is not None:
        asked = PromotionEndpoint.objects.filter(endpoint__in=endpoints)
        wanted &= Q(pk__in=asked.values("promotion"))
    standing = active(reader).filter(wanted)
    places, more = allowed(standing, SHOWN, with_=NAMED)
    known = _known({slug for one in places for slug in one.endpoints}, endpoints, filters)
    offered = {row for offers in offering for row in offers({one.release.pk for one in places})}
    rows = []
    for one in sorted(places, key=lambda one: (one.until, str(one.release))):
        there = tuple(known[slug] for slug in one.endpoints if slug in known)
        runs_at = tuple(
            slug
            for slug in one.endpoints
            if slug in known and (one.release.pk, one.environment.pk, slug) in offered
        )
        if there or endpoints is None:
            rows.append(
                MayRun(one.release, one.environment, one.until, one.note, one.url, there, runs_at)
            )
    conceal((row.release for row in rows), reader, "model_version")
    whole = unended(Promotion.objects.filter(wanted))
    # Whoever holds no role is not even told how much there is.
    hidden = _places(whole) - _places(standing) if reader.grants else 0
    return Found(tuple(rows), hidden, more)


def _places(standing: QuerySet) -> int:
    return standing.order_by().values("release", "environment").distinct().count()


def _wanted(filters: Filters, reader) -> Q:
    """Return the condition on promotions, once every name is found to be there."""
    wanted = Q()
    for name, noun, *paths in (
        ("provider", Provider),
        ("region", Region),
        ("use_case", UseCase, "release__use_case"),
        ("environment", Environment, "environment"),
        ("team", Team, "release__on_call_team", "release__model_version__model__on_call_team"),
    ):
        if slug := getattr(filters, name):
            key = noun.objects.visible_to(reader).filter(slug=slug).values_list("pk", flat=True)
            found = key.first()
            if found is None:
                raise Http404(f"There is no {name.replace('_', ' ')} “{slug}” that you may see.")
            wanted &= Q(*((path, found) for path in paths), _connector=Q.OR)
    return wanted


def _endpoints(filters: Filters) -> QuerySet | None:
    """Return the endpoints that are asked for; None for all."""
    if not filters.of_endpoints:
        return None
    rows = ServingEndpoint.objects.all()
    if filters.provider:
        maker = Q(version__maker__slug=filters.provider)
        rows = rows.filter(Q(host__slug=filters.provider) | maker)
    if filters.region or filters.jurisdiction:
        links = EndpointRegion.objects.filter(
            purpose=EndpointRegion.Purpose.PROCESSING, region__in=regions(filters)
        )
        rows = rows.filter(pk__in=links.values("endpoint"))
    return rows


def regions(filters: Filters) -> list[int]:
    """Return the keys of the regions that are asked for. Regions are few: they are read whole."""
    return [
        region.pk
        for region in Region.objects.all()
        if filters.region in ("", region.slug)
        and (not filters.jurisdiction or filters.jurisdiction in region.jurisdictions)
    ]


def _known(slugs: set[str], endpoints: QuerySet | None, filters: Filters) -> dict[str, Where]:
    """Return the endpoints of those slugs that are asked for, with their regions."""
    rows = ServingEndpoint.objects.all() if endpoints is None else endpoints
    rows = rows.filter(slug__in=slugs).select_related("host", "version__model", "version__maker")
    return {row.slug: _where(row, filters) for row in rows.prefetch_related("region_links__region")}


def _where(endpoint: ServingEndpoint, filters: Filters) -> Where:
    by_purpose: dict[str, list[str]] = {label: [] for label in EndpointRegion.Purpose.labels}
    outside = set()
    for link in endpoint.region_links.all():
        slug, label = link.region.slug, link.get_purpose_display()
        by_purpose[label].append(slug)
        if filters.region not in ("", slug) or (
            filters.jurisdiction and filters.jurisdiction not in link.region.jurisdictions
        ):
            outside.add(f"{label} in {slug}")
    return Where(
        endpoint,
        tuple((label, tuple(sorted(found))) for label, found in by_purpose.items()),
        tuple(sorted(outside)),
    )


# Who is on call


@dataclass(frozen=True)
class OnCall:
    """A team that is on call: how it is reached, for which places, and for which models."""

    team: Team | None
    places: tuple[MayRun, ...] = ()
    models: tuple[str, ...] = ()


def on_call(rows: Iterable[MayRun]) -> list[OnCall]:
    """Return who is on call for what may run; what nobody is on call for comes first."""
    teams: dict[int, Team | None] = {}
    places: dict[int, list[MayRun]] = defaultdict(list)
    models: dict[int, set[str]] = defaultdict(set)
    for row in rows:
        team, version = row.release.on_call_team, row.release.model_version
        teams[_key(team)] = team
        places[_key(team)].append(row)
        if not isinstance(version, Unseen):
            teams[_key(version.model.on_call_team)] = version.model.on_call_team
            models[_key(version.model.on_call_team)].add(version.model.slug)
    found = (
        OnCall(team, tuple(places[key]), tuple(sorted(models[key]))) for key, team in teams.items()
    )
    return sorted(found, key=lambda one: one.team.name if one.team else "")


def _key(team: Team | None) -> int:
    return team.pk if team else 0
