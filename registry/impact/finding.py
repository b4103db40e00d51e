"""What rests on one thing, gathered for one reader: the page and the API say the same from it.

As many queries for a thousand releases as for ten; only a longer lineage costs more, one query
for each level. What the reader may not see is followed and counted, and never named.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime

from django.db.models import Model, QuerySet

from registry.impact.kinds import UNSEEN, Kind, Reach, Way, version_names
from registry.impact.places import SHOWN, Place, Places, let_in
from registry.impact.retiring import Retirements, retirements
from registry.models import Environment, ModelVersion, Release, ServingEndpoint, UseCase

#: What a release is named by; its texts are long and not shown.
NAMED = ("use_case__team", "model_version__model", "on_call_team")
UNREAD = ("content", "model_version__card", "model_version__content")


@dataclass(frozen=True)
class Dependent:
    """A release with every way in which it rests on the thing."""

    release: Release
    ways: tuple[Way, ...]

    @property
    def direct(self) -> bool:
        """Whether it does without a step of lineage."""
        return any(way.direct for way in self.ways)


@dataclass(frozen=True)
class Owner:
    """A team to tell, with how it is reached, what it owns and what it is on call for."""

    team: str
    contact: str
    owns: tuple[str, ...]
    on_call: tuple[str, ...]


@dataclass(frozen=True)
class There:
    """An environment with how many releases are let in or asked for, and the first end."""

    environment: Environment
    allowed: int
    asked: int
    first_end: datetime | None


@dataclass(frozen=True)
class Derived:
    """A model version that is the thing, has it in it, or comes from such."""

    version: ModelVersion
    through: str


@dataclass(frozen=True)
class Impact:
    """All that rests on `subject` and the reader may see, and how much they may not."""

    kind: Kind
    subject: Model
    note: str
    places: Places
    releases: tuple[Dependent, ...]
    total: int
    hidden: int
    use_cases: tuple[UseCase, ...]
    environments: tuple[There, ...]
    owners: tuple[Owner, ...]
    versions: tuple[Derived, ...]
    versions_total: int
    versions_hidden: int
    endpoints: tuple[ServingEndpoint, ...]
    endpoints_hidden: int
    #: Whether the lineage may go on beyond what was followed.
    cut: bool
    #: What retires when; of providers and model versions.
    retirement: Retirements | None

    @property
    def allowed(self) -> int:
        """How many releases are let in somewhere."""
        return len({one.release.pk for one in self.places.rows if one.until})


def impact(kind: Kind, subject: Model, reader, today: date) -> Impact:
    """Return what rests on `subject`, as far as `reader` may see it.

    `today` tells what has retired from what will.
    """
    reach = kind.reach(subject, reader)
    resting = Release.objects.filter(reach.releases)
    seen = Release.objects.visible_to(reader).filter(reach.releases)
    total = seen.count()
    environments = Environment.objects.visible_to(reader).filter(reach.environments)
    found = let_in(seen, environments, reader, subject)
    releases = _releases(seen, found)
    ways = reach.ways(releases)
    standing = Places(tuple(_with_ways(found.rows, ways)), found.more)
    versions, versions_total = _versions(reach, reader)
    endpoints, endpoints_hidden = _endpoints(reach, reader)
    return Impact(
        kind=kind,
        subject=subject,
        note=reach.note,
        places=standing,
        releases=tuple(Dependent(one, tuple(ways.get(one.pk, ()))) for one in releases[:SHOWN]),
        total=total,
        hidden=resting.count() - total,
        use_cases=_use_cases(seen, reader),
        environments=_environments(standing.rows),
        owners=_owners(seen, [one.version for one in versions]),
        versions=versions,
        versions_total=versions_total,
        versions_hidden=len(reach.versions.parents) - versions_total,
        endpoints=endpoints,
        endpoints_hidden=endpoints_hidden,
        cut=reach.cut,
        retirement=retirements(subject, reader, today),
    )


def _releases(seen: QuerySet, found: Places) -> list[Release]:
    """Return those that are let in or asked for, then the newest of the others."""
    rows = seen.select_related(*NAMED).defer(*UNREAD)
    placed = list(dict.fromkeys(place.release.pk for place in found.rows))
    loaded = {one.pk: one for one in rows.filter(pk__in=placed)}
    newest = rows.exclude(pk__in=placed).order_by("-pk")[:SHOWN]
    return [*(loaded[pk] for pk in placed if pk in loaded), *newest]


def _with_ways(found: Iterable[Place], ways) -> Iterable[Place]:
    """Yield each place with its ways; where only an endpoint matters, those that use it."""
    for one in found:
        own = tuple(
            way
            for way in ways.get(one.release.pk, ())
            if not way.endpoint or way.endpoint in one.endpoints
        )
        if own:
            yield replace(one, ways=own)


def _use_cases(seen: QuerySet, reader) -> tuple[UseCase, ...]:
    rows = UseCase.objects.visible_to(reader).filter(pk__in=seen.order_by().values("use_case"))
    return tuple(rows.select_related("team").order_by("slug")[:SHOWN])


def _environments(rows: Iterable[Place]) -> tuple[There, ...]:
    there: dict[str, list[Place]] = {}
    for one in rows:
        there.setdefault(one.environment.slug, []).append(one)
    return tuple(
        There(
            environment=found[0].environment,
            allowed=sum(1 for one in found if one.until),
            asked=sum(1 for one in found if not one.until),
            first_end=min((one.until for one in found if one.until), default=None),
        )
        for _, found in sorted(there.items())
    )


def _owners(seen: QuerySet, versions: Iterable[ModelVersion]) -> tuple[Owner, ...]:
    """Return whom to tell: who owns the use cases and models, and who is on call for them."""
    told: dict[tuple[str, str], tuple[set[str], set[str]]] = {}
    for place, name in enumerate(("use_case__team", "on_call_team")):
        columns = (f"{name}__name", f"{name}__contact", "use_case__slug")
        rows = seen.filter(**{f"{name}__isnull": False}).order_by(*columns)
        for *team, slug in rows.values_list(*columns).distinct()[: SHOWN * 5]:
            told.setdefault(tuple(team), (set(), set()))[place].add(f"use case {slug}")
    for model in {version.model_id: version.model for version in versions}.values():
        for place, team in enumerate((model.team, model.on_call_team)):
            both = told.setdefault((team.name, team.contact), (set(), set()))
            both[place].add(f"model {model.slug}")
    return tuple(
        Owner(*team, tuple(sorted(owns)), tuple(sorted(on_call)))
        for team, (owns, on_call) in sorted(told.items())[:SHOWN]
    )


def _versions(reach: Reach, reader) -> tuple[tuple[Derived, ...], int]:
    """Return the versions of the trail that are seen, with the way to each, and their number."""
    trail = reach.versions
    if not trail.parents:
        return (), 0
    seen = ModelVersion.objects.visible_to(reader).filter(pk__in=list(trail.parents))
    rows = seen.select_related("model__team", "model__on_call_team", "maker")
    shown = list(rows.defer("card", "content").order_by("-pk")[:SHOWN])
    ways = {one.pk: trail.way(one.pk)[:-1] for one in shown}
    names = version_names({key for way in ways.values() for key in way}, reader)
    derived = (
        Derived(one, " → ".join(names.get(key, UNSEEN) for key in ways[one.pk])) for one in shown
    )
    return tuple(derived), seen.count()


def _endpoints(reach: Reach, reader) -> tuple[tuple[ServingEndpoint, ...], int]:
    if reach.endpoints is None:
        return (), 0
    hosted = ServingEndpoint.objects.filter(reach.endpoints)
    seen = ServingEndpoint.objects.visible_to(reader).filter(reach.endpoints)
    rows = seen.select_related("version__model", "team").order_by("slug")
    return tuple(rows[:SHOWN]), hosted.count() - seen.count()
