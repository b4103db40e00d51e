"""Models that are used outside the registry: by whom, how often, and whether anybody knows them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Max, Min, Q, QuerySet, Sum

from audit import Reason, clock
from registry.models import Environment, ModelVersion, Person
from runtime.traces.models import UnattributedTraffic

#: Days that are shown at first, at most, and on the first page; lines of one page.
DAYS, MOST_DAYS, LATELY, PAGE = 30, 400, 7, 50
#: Environments that the first page tells of.
TOLD = 5
SUMS = ("calls", "failed", "tokens_in", "tokens_out", "tokens_cached", "erased")
#: What one line of the page stands for.
LINE = ("environment__slug", "service", "provider", "model")


@dataclass(frozen=True)
class Line:
    """What one service called one model in an environment, over some days."""

    environment: str
    service: str
    provider: str
    model: str
    #: What answered, as far as it said so.
    answered_by: str
    calls: int
    failed: int
    tokens_in: int
    tokens_out: int
    tokens_cached: int
    erased: int
    first_at: datetime
    last_at: datetime
    #: Versions in the registry that go by that name.
    known: tuple[ModelVersion, ...] = ()


@dataclass(frozen=True)
class Narrowed:
    """Over how many days, and in which environment and service; empty ones take all."""

    days: int = DAYS
    environment: str = ""
    service: str = ""
    page: int = 1


def read(given: Mapping[str, str]) -> tuple[Narrowed, list[Reason]]:
    """Return what an address asks for, and what is wrong with it."""
    reasons = []

    def whole(name: str, most: int, default: int) -> int:
        text = given.get(name, "").strip()
        if not text:
            return default
        if not (text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= most):
            sentence = f"Give a whole number from 1 to {most}."
            reasons.append(Reason("NOT_READABLE", sentence, name))
            return default
        return int(text)

    return (
        Narrowed(
            days=whole("days", MOST_DAYS, DAYS),
            environment=given.get("environment", "").strip()[:50],
            service=given.get("service", "").strip()[:128],
            page=whole("page", 1000, 1),
        ),
        reasons,
    )


def rows(narrowed: Narrowed, reader: Person) -> QuerySet[UnattributedTraffic]:
    """Return the counts of the days that are asked for."""
    since = clock.now().date() - timedelta(days=narrowed.days - 1)
    found = UnattributedTraffic.objects.visible_to(reader).filter(day__gte=since)
    if narrowed.environment:
        seen = Environment.objects.visible_to(reader).filter(slug=narrowed.environment)
        found = found.filter(environment__in=list(seen.values_list("pk", flat=True)))
    return found.filter(service=narrowed.service) if narrowed.service else found


def lines(narrowed: Narrowed, reader: Person) -> tuple[list[Line], bool]:
    """Return a page of lines, the most called first, and whether there are more."""
    begin = (narrowed.page - 1) * PAGE
    most_called = _grouped(rows(narrowed, reader)).order_by("-calls__sum", *LINE)
    found = list(most_called[begin : begin + PAGE + 1])
    return _made(found[:PAGE], reader), len(found) > PAGE


def every_line(narrowed: Narrowed, reader: Person, size: int) -> Iterator[list[Line]]:
    """Yield all lines, `size` at a time, in the order of what they stand for.

    Each chunk goes on behind the last line of the one before: calls that are counted meanwhile
    move no line to where it was read already, or will not be.
    """
    counted, beyond = rows(narrowed, reader), Q()
    while found := list(_grouped(counted.filter(beyond)).order_by(*LINE)[:size]):
        yield _made(found, reader)
        last = dict(zip(LINE, found[-1], strict=False))
        beyond = Q(pk__in=[])
        for place, name in enumerate(LINE):
            same = {one: last[one] for one in LINE[:place]}
            beyond |= Q(**same, **{f"{name}__gt": last[name]})


def _grouped(counted: QuerySet) -> QuerySet:
    return (
        counted.order_by()
        .values_list(*LINE)
        .annotate(
            Max("answered_by"),
            *(Sum(name) for name in SUMS),
            Min("first_at"),
            Max("last_at"),
        )
    )


def _made(found: list[tuple], reader: Person) -> list[Line]:
    known = _known((one[3:5] for one in found), reader, 4 * len(found))
    return [Line(*one, known=_of(known, one[3:5])) for one in found]


def _known(
    names: Iterable[tuple[str, str]], reader: Person, most: int
) -> dict[str, list[ModelVersion]]:
    """Return the versions that the reader may see by what they are called at their providers."""
    wanted = {name for pair in names for name in pair if name}
    found: dict[str, list[ModelVersion]] = {}
    seen = ModelVersion.objects.visible_to(reader).filter(identifier__in=wanted)
    for one in seen.select_related("model").order_by("pk")[:most]:
        found.setdefault(one.identifier, []).append(one)
    return found


def _of(known: Mapping[str, list[ModelVersion]], names: Iterable[str]) -> tuple[ModelVersion, ...]:
    found = {one.pk: one for name in names for one in known.get(name, ())}
    return tuple(found.values())


@dataclass(frozen=True)
class Outside:
    """What was called outside the registry in one environment of late."""

    environment: str
    calls: int
    services: int
    models: int
    last_at: datetime


def lately(reader: Person) -> list[Outside]:
    """Return what is told of it on the first page, by environment."""
    grouped = rows(Narrowed(days=LATELY), reader).order_by().values_list("environment__slug")
    found = grouped.annotate(
        Sum("calls"),
        Count("service", distinct=True),
        Count("model", distinct=True),
        Max("last_at"),
    )
    return [Outside(*one) for one in found.order_by("-calls__sum")[:TOLD]]
