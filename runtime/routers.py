"""Which routers of an environment decide from what is active, and which are behind since when."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists, Max, Min, OuterRef, Q, QuerySet

from audit import clock
from registry.models import Environment, Router, RouterReport
from runtime.models import Activation
from runtime.publishing import current

#: Not heard from for so long, a router is told of apart: it may hold anything by now.
SILENT_AFTER = timedelta(minutes=5)
#: Reports are written once a minute: of two that are no farther apart, either may be the newest.
TOGETHER = timedelta(minutes=2)


@dataclass(frozen=True)
class Report:
    """That a router held `generation`, from when to when."""

    generation: int
    first_seen_at: datetime
    last_seen_at: datetime


def held(reports: Iterable[Report]) -> Report | None:
    """Return the report of what a router holds: of its processes, the one that is farthest behind.

    A process has taken a newer generation once it says so, and says nothing of an older one after.
    So an older one that was said again later is held by another process, which may not be gone.
    """
    reports = sorted(reports, key=lambda one: one.generation)
    if not reports:
        return None
    newest = max(one.last_seen_at for one in reports)
    lately = [one for one in reports if newest - one.last_seen_at <= TOGETHER]
    for place, one in enumerate(lately):
        if all(one.last_seen_at > later.first_seen_at for later in lately[place + 1 :]):
            return one
    raise AssertionError("The highest has none after it.")


def state(
    *, is_active: bool, holds: int | None, heard_at: datetime | None, generation: int, now: datetime
) -> str:
    """Return in one word how a router stands to `generation`, which is active."""
    if not is_active:
        return "off"
    if holds is None or heard_at is None:
        return "never_heard"
    if now - heard_at > SILENT_AFTER:
        return "silent"
    if holds > generation:
        return "ahead"
    return "behind" if holds < generation else "current"


#: What those words say.
STATES = {
    "current": "decides from what is active",
    "behind": "decides from an older generation",
    "ahead": "says it holds a generation that was never published here",
    "silent": "has not been heard from lately",
    "never_heard": "has never been heard from",
    "off": "is switched off",
}


@dataclass(frozen=True)
class Standing:
    """How a router stands to what is active."""

    router: Router
    state: str
    holds: int | None
    #: Since when it holds that, and when it was last heard from.
    since: datetime | None
    heard_at: datetime | None
    #: Since when something newer is active than what it holds.
    behind_since: datetime | None


def standings(environment: Environment, routers: Iterable[Router]) -> list[Standing]:
    """Return how each of the environment's `routers` stands, in the order given."""
    routers = list(routers)
    active, now = current(environment), clock.now()
    reports = _reports(routers)
    found = {router.pk: held(reports.get(router.pk, ())) for router in routers}
    superseded = _superseded(environment, {one.generation for one in found.values() if one})
    return [
        _standing(router, found[router.pk], reports, superseded, active, now) for router in routers
    ]


def _standing(
    router: Router,
    report: Report | None,
    reports: Mapping[int, list[Report]],
    superseded: Mapping[int, datetime],
    active: Activation | None,
    now: datetime,
) -> Standing:
    heard_at = max((one.last_seen_at for one in reports.get(router.pk, ())), default=None)
    holds = report and report.generation
    return Standing(
        router=router,
        state=state(
            is_active=router.is_active,
            holds=holds,
            heard_at=heard_at,
            generation=active.generation if active else 0,
            now=now,
        ),
        holds=holds,
        since=report and report.first_seen_at,
        heard_at=heard_at,
        behind_since=superseded.get(holds),
    )


def _reports(routers: list[Router]) -> dict[int, list[Report]]:
    """Return by router what it said of late: of all that it ever held, that is little."""
    rows = RouterReport.objects.filter(router__in=routers)
    newest = rows.values_list("router").annotate(Max("last_seen_at")).order_by()
    lately = Q(pk__in=[])
    for router, heard_at in newest:
        lately |= Q(router=router, last_seen_at__gte=heard_at - TOGETHER)
    found: dict[int, list[Report]] = {}
    for one in rows.filter(lately).order_by("router", "generation"):
        report = Report(one.generation, one.first_seen_at, one.last_seen_at)
        found.setdefault(one.router_id, []).append(report)
    return found


def _superseded(environment: Environment, generations: set[int]) -> dict[int, datetime]:
    """Return by generation when the next one was published."""
    following = Activation.objects.filter(
        environment=environment, generation__in=[number + 1 for number in generations]
    )
    return {number - 1: at for number, at in following.values_list("generation", "change__at")}


def routers_of(environment: Environment) -> QuerySet[Router]:
    """Return the routers of an environment that are switched on."""
    return Router.objects.filter(environment=environment, is_active=True).order_by("slug")


@dataclass(frozen=True)
class Acknowledgement:
    """When a router first decided from a generation or a later one; None: it does not yet."""

    router: Router
    at: datetime | None
    #: From the publication to then; None for a router that was first heard from afterwards.
    took: timedelta | None

    @property
    def took_words(self) -> str:
        """How long it took, such as "1 min 12 s"."""
        seconds = round(self.took.total_seconds()) if self.took is not None else 0
        minutes, seconds = divmod(max(0, seconds), 60)
        hours, minutes = divmod(minutes, 60)
        parts = ((hours, "h"), (minutes, "min"), (seconds, "s"))
        said = [f"{count} {unit}" for count, unit in parts if count]
        return " ".join(said[:2]) or "0 s"


def acknowledgements(activation: Activation) -> list[Acknowledgement]:
    """Return for each router of the environment when it took a generation up, by their slugs.

    Of a router of several processes it is the first that counts: those that are left behind show
    on the environment's page.
    """
    published_at = activation.change.at
    mine = RouterReport.objects.filter(router=OuterRef("pk"))
    # What was claimed before it was published was claimed and no more.
    taken = Q(
        reports__generation__gte=activation.generation,
        reports__first_seen_at__gte=published_at - TOGETHER,
    )
    rows = routers_of(Environment(pk=activation.environment_id)).annotate(
        taken_at=Min("reports__first_seen_at", filter=taken),
        was_there=Exists(mine.filter(generation__lt=activation.generation)),
    )
    return [
        Acknowledgement(
            router=one,
            at=one.taken_at,
            took=one.taken_at - published_at if one.taken_at and one.was_there else None,
        )
        for one in rows.select_related("team")
    ]
